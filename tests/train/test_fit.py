from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_training
import torch
from tiny_training import CLASSES, Log, make_recipe, open_tiny, train

from tests.real_processes import Processes
from toolkit import Context, UsageError
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.metrics.confusion import count_image
from toolkit.metrics.scores import build_metrics, score_counts
from toolkit.progress import SilentProgress
from toolkit.recipe.training_images import ImageSampling, NativeCrops
from toolkit.train.checkpoint import Checkpoint, load_checkpoint

SCRIPT = Path(tiny_training.__file__)
FULL: dict[str, Any] = {
    "model": {"dropout": 0.3, "norm": True, "presence": True},
    "augment": ("mirror", "ignore_edges"),
    "mix": ("blend",),
    "ema": 0.9,
    "clip_norm": 1.0,
    "device_batch_size": 2,
}
"""Everything whose state has to survive an interruption."""


def _assert_same(a: Checkpoint, b: Checkpoint) -> None:
    assert a.epoch == b.epoch
    assert a.scores == b.scores
    assert a.model_state.keys() == b.model_state.keys()
    for name in a.model_state:
        assert torch.equal(a.model_state[name], b.model_state[name]), name


def _assert_same_runs(a: Path, b: Path) -> None:
    for name in ("best.pt", "last.pt"):
        _assert_same(load_checkpoint(a / name), load_checkpoint(b / name))
    first, second = (torch.load(run / "state.pt", weights_only=True) for run in (a, b))
    assert _flat(first["learner"]) == _flat(second["learner"])


def _flat(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _flat(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_flat(item) for item in value]
    return value.tolist() if isinstance(value, torch.Tensor) else value


def _records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


class Cut(BaseException):
    """Stands for anything that ends a process."""


def _cut_after(epochs: int) -> Any:
    def on_epoch(epoch: int, figures: dict[str, float]) -> None:
        if epoch == epochs:
            raise Cut

    return on_epoch


def test_training_and_validation_are_counted_apart(tiny_root: Path, tmp_path: Path) -> None:
    counted: dict[str, list[int]] = {}

    class Counting(SilentProgress):
        @contextmanager
        def bar(self, description: str, total: int, unit: str) -> Iterator[Any]:
            counted[description] = [0, total]

            class Count:
                def advance(self, amount: int = 1, **figures: float) -> None:
                    counted[description][0] += amount

            yield Count()

    train(tiny_root, tmp_path / "run", make_recipe(epochs=3, validate_every=2), progress=Counting())
    n_train, n_val = (
        len(json.loads((tiny_root / f"{split}.json").read_text())["images"])
        for split in ("train", "val")
    )
    assert n_train % 4  # the last batch is filled up with images that do not count again
    assert {what: done for what, done in counted.items() if what.startswith("epoch")} == {
        "epoch 1/3: training": [n_train, n_train],
        "epoch 2/3: training": [n_train, n_train],
        "epoch 2/3: validation": [n_val, n_val],
        "epoch 3/3: training": [n_train, n_train],
        "epoch 3/3: validation": [n_val, n_val],
    }


def test_learns_and_leaves_what_it_promises(tiny_root: Path, tmp_path: Path) -> None:
    log, told = Log(), []
    result = train(
        tiny_root,
        tmp_path / "run",
        make_recipe(epochs=4, lr=0.03),
        progress=log,
        lineage={"parents": [{"path": "a.pt", "digest": "0"}]},
        on_epoch=lambda epoch, figures: told.append((epoch, figures)),
    )
    records = _records(tmp_path / "run")
    assert [record["epoch"] for record in records] == [1, 2, 3, 4] == [row[0] for row in told]
    assert records[-1]["train_loss"] < records[0]["train_loss"]
    assert records[-1]["val_miou"] > records[0]["val_miou"]
    assert len(records[0]["val_iou"]) == 3
    assert records[0]["images_per_second"] > 0
    assert told[0][1]["val_loss"] == records[0]["val_loss"]
    assert len(log.rows) == 4
    best = max(records, key=lambda record: record["val_miou"])
    checkpoint = load_checkpoint(result.best)
    assert result.best_epoch == checkpoint.epoch == best["epoch"]
    assert checkpoint.scores["val_miou"] == result.scores["val_miou"] == best["val_miou"]
    assert load_checkpoint(result.last).epoch == result.epochs == 4
    assert checkpoint.lineage == {"run": "run", "parents": [{"path": "a.pt", "digest": "0"}]}
    assert checkpoint.recipe["model"]["name"] == "tiny"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "best.counts",
        "best.pt",
        "last.pt",
        "metrics.jsonl",
        "state.pt",
    ]


def test_two_runs_are_equal_bit_by_bit(tiny_root: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train(tiny_root, tmp_path / name, make_recipe(**FULL))
    _assert_same_runs(tmp_path / "a", tmp_path / "b")


def test_another_seed_gives_other_weights(tiny_root: Path, tmp_path: Path) -> None:
    runs = [train(tiny_root, tmp_path / str(seed), make_recipe(seed=seed)) for seed in (1, 2)]
    first, second = (load_checkpoint(run.last).model_state["body.weight"] for run in runs)
    assert not torch.equal(first, second)


def test_workers_change_nothing(tiny_root: Path, tmp_path: Path) -> None:
    for workers in (0, 2):
        recipe = make_recipe(**FULL, data={"workers": workers})
        train(tiny_root, tmp_path / str(workers), recipe)
    _assert_same_runs(tmp_path / "0", tmp_path / "2")


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_resumed_run_is_the_uninterrupted_one(
    tiny_root: Path, tmp_path: Path, epochs: int
) -> None:
    recipe = make_recipe(**FULL, epochs=4)
    train(tiny_root, tmp_path / "whole", recipe)
    with pytest.raises(Cut):
        train(tiny_root, tmp_path / "cut", recipe, on_epoch=_cut_after(epochs))
    torch.manual_seed(123)
    result = train(tiny_root, tmp_path / "cut", recipe, resume=True)
    assert result.epochs == 4
    _assert_same_runs(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("by", ["repeat-factor", "balanced", "weights"])
def test_a_resumed_run_that_resamples_is_the_uninterrupted_one(
    by: str, tmp_path: Path, uneven_root: Path
) -> None:
    weights = tmp_path / "weights.csv"
    weights.write_text("".join(f"train/{number}.png,{number}\n" for number in range(10)))
    file = {"file": str(weights)} if by == "weights" else {}
    data = {"sampling": ImageSampling(by=by, threshold=1.0, **file)}  # type: ignore[arg-type]
    recipe = make_recipe(**FULL, data=data)
    log = Log()
    train(uneven_root, tmp_path / "whole", recipe, progress=log)
    told = [line for line in log.lines if line.startswith("sampling")]
    assert told == [
        {
            # Blue is in 3 of 10: r = sqrt(1 / 0.3) = 1.83 for these, and 1 for the others.
            "repeat-factor": "sampling repeat-factor: 10 images, 13 per epoch; Blue ×1.9, Red ×1.3",
            "balanced": "sampling balanced: 10 images, 10 per epoch; Blue ×2.2, Red ×1.0",
            "weights": "sampling weights: 10 images, 10 per epoch; Red ×1.0, Blue ×0.2; "
            "1 image is never drawn",
        }[by]
    ]
    with pytest.raises(Cut):
        train(uneven_root, tmp_path / "cut", recipe, on_epoch=_cut_after(1))
    with_workers = make_recipe(**FULL, data={**data, "workers": 2})
    train(uneven_root, tmp_path / "cut", with_workers, resume=True)
    _assert_same_runs(tmp_path / "whole", tmp_path / "cut")
    train(uneven_root, tmp_path / "uniform", make_recipe(**FULL))
    with pytest.raises(AssertionError):
        _assert_same_runs(tmp_path / "whole", tmp_path / "uniform")


CROPS: dict[str, Any] = {"crops": NativeCrops(), "image_size": (12, 10)}


def test_a_resumed_run_of_native_crops_is_the_uninterrupted_one(
    tiny_root: Path, tmp_path: Path
) -> None:
    recipe = make_recipe(**FULL, data=CROPS)
    train(tiny_root, tmp_path / "whole", recipe)
    with pytest.raises(Cut):
        train(tiny_root, tmp_path / "cut", recipe, on_epoch=_cut_after(1))
    with_workers = make_recipe(**FULL, data={**CROPS, "workers": 2})
    train(tiny_root, tmp_path / "cut", with_workers, resume=True)
    _assert_same_runs(tmp_path / "whole", tmp_path / "cut")
    # Photos that are decoded each time are the same ones.
    decoded = make_recipe(**FULL, data={**CROPS, "cache_images": False})
    train(tiny_root, tmp_path / "decoded", decoded)
    _assert_same_runs(tmp_path / "whole", tmp_path / "decoded")


def test_validation_of_native_crops_counts_every_pixel_of_the_photos_once(
    tiny_root: Path, tmp_path: Path
) -> None:
    """In windows side by side: at their edges the network sees the reflection, or the photo."""
    recipe = make_recipe(data=CROPS, epochs=1, metric="image_miou")
    result = train(tiny_root, tmp_path / "run", recipe)
    checkpoint = load_checkpoint(result.best)
    assert checkpoint.image_size == (12, 10)
    network = tiny_training.TinyNet(3, 0.0, auxiliary=False, norm=False)
    network.load_state_dict(checkpoint.model_state)
    network.eval()
    split = open_tiny(tiny_root, recipe).val
    counts = []
    for row, record in enumerate(split.images):
        image = read_image(split.path(row), record)
        mask = paint_mask(record, split.labels, "max-id", 255)
        labels = np.zeros_like(mask)
        for top in (0, 4):  # photos of 16 x 16 in windows of 12 x 10
            for left in (0, 6):
                part = image[top : top + 12, left : left + 10].astype(np.float32) / 255
                part = (part - np.float32(checkpoint.mean)) / np.float32(checkpoint.std)
                with torch.inference_mode():
                    logits = network(torch.from_numpy(part.transpose(2, 0, 1))[None])[0]
                rows, columns = (8 if top else 0), (4 if left else 0)
                labels[top + rows : top + 12, left + columns : left + 10] = logits.argmax(
                    0
                ).numpy()[rows:, columns:]
        counts.append(count_image(labels, mask, 3, 255))
    metrics = build_metrics(tiny_training.make_registry(), recipe.metric, Context(CLASSES))
    found = score_counts(np.stack(counts), metrics)
    assert result.scores["val_score"] == pytest.approx(found.deciding, abs=2e-3)
    assert result.scores["val_iou"] == pytest.approx(list(found.iou), abs=2e-3)


def test_resuming_with_other_workers_is_still_exact(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "whole", make_recipe(**FULL))
    with pytest.raises(Cut):
        train(tiny_root, tmp_path / "cut", make_recipe(**FULL), on_epoch=_cut_after(1))
    recipe = make_recipe(**FULL, data={"workers": 1})
    train(tiny_root, tmp_path / "cut", recipe, resume=True)
    whole, cut = (load_checkpoint(tmp_path / name / "last.pt") for name in ("whole", "cut"))
    _assert_same(whole, cut)


def test_a_killed_process_is_resumed_exactly(
    processes: Processes, tiny_root: Path, tmp_path: Path
) -> None:
    recipe = {**FULL, "epochs": 4}
    arguments = [str(SCRIPT), str(tiny_root), str(tmp_path / "cut"), json.dumps({"recipe": recipe})]
    process = processes.start(*arguments, cwd=tmp_path, TINY_HANG_AFTER="2")
    metrics = tmp_path / "cut" / "metrics.jsonl"
    processes.wait_until(lambda: metrics.exists() and metrics.read_text().count("\n") == 2, process)
    process.kill()
    processes.finish(process)
    assert len(_records(tmp_path / "cut")) == 2
    (tmp_path / "cut" / ".tmp.killed.best.pt").write_bytes(b"half a file")

    train(tiny_root, tmp_path / "whole", make_recipe(**recipe))
    train(tiny_root, tmp_path / "cut", make_recipe(**recipe), resume=True)
    _assert_same_runs(tmp_path / "whole", tmp_path / "cut")
    assert [record["epoch"] for record in _records(tmp_path / "cut")] == [1, 2, 3, 4]
    assert not list((tmp_path / "cut").glob(".*"))


def test_loader_processes_end_with_a_killed_training(
    processes: Processes, tiny_root: Path, tmp_path: Path
) -> None:
    """Also one whose augmentation hangs."""
    recipe = {"data": {"workers": 1}}
    arguments = [str(SCRIPT), str(tiny_root), str(tmp_path / "run"), json.dumps({"recipe": recipe})]
    process = processes.start(*arguments, cwd=tmp_path, TINY_HANG_AFTER="0")
    processes.wait_until(lambda: len(processes.alive()) == 2, process)
    process.kill()
    processes.wait_until_gone()


def test_resuming_without_a_finished_epoch_begins(tiny_root: Path, tmp_path: Path) -> None:
    result = train(tiny_root, tmp_path / "run", make_recipe(epochs=1), resume=True)
    assert result.epochs == 1


def test_a_finished_run_is_not_trained_again(tiny_root: Path, tmp_path: Path) -> None:
    first = train(tiny_root, tmp_path / "run", make_recipe())
    before = (tmp_path / "run" / "last.pt").stat().st_mtime_ns
    again = train(tiny_root, tmp_path / "run", make_recipe(), resume=True)
    assert again == first
    assert (tmp_path / "run" / "last.pt").stat().st_mtime_ns == before


def test_a_finished_run_can_be_trained_past_its_plan(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "run", make_recipe(epochs=2))
    result = train(tiny_root, tmp_path / "run", make_recipe(epochs=4), resume=True)
    assert result.epochs == 4
    records = _records(tmp_path / "run")
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    # The learning rate goes on along the longer plan: 12 steps of tiny_training.decay.
    assert records[-1]["lr"] == pytest.approx(0.01 / (1 + 3 * 11 / 12))


def test_a_run_without_a_validated_epoch_has_no_result(tiny_root: Path, tmp_path: Path) -> None:
    recipe = make_recipe(epochs=3, validate_every=3)
    with pytest.raises(Cut):
        train(tiny_root, tmp_path / "run", recipe, on_epoch=_cut_after(2))
    shorter = make_recipe(epochs=2, validate_every=3)
    with pytest.raises(UsageError, match="was never validated"):
        train(tiny_root, tmp_path / "run", shorter, resume=True)
    assert train(tiny_root, tmp_path / "run", recipe, resume=True).best_epoch == 3


def test_patience_ends_the_run(tiny_root: Path, tmp_path: Path) -> None:
    # With so small a learning rate the score never changes, and the first epoch stays the best.
    recipe = make_recipe(epochs=9, patience=2, lr=1e-12)
    result = train(tiny_root, tmp_path / "run", recipe)
    assert (result.best_epoch, result.epochs, result.stopped_early) == (1, 3, True)
    assert load_checkpoint(result.best).epoch == 1
    longer = make_recipe(epochs=9, patience=3, lr=1e-12)
    again = train(tiny_root, tmp_path / "run", longer, resume=True)
    assert (again.best_epoch, again.epochs, again.stopped_early) == (1, 4, True)


def test_validation_can_be_rarer(tiny_root: Path, tmp_path: Path) -> None:
    result = train(tiny_root, tmp_path / "run", make_recipe(epochs=5, validate_every=2))
    validated = [r["epoch"] for r in _records(tmp_path / "run") if r["val_miou"] is not None]
    assert validated == [2, 4, 5]
    assert result.best_epoch in validated
    assert load_checkpoint(result.last).epoch == 5


def test_the_checkpoint_alone_reproduces_its_score(tiny_root: Path, tmp_path: Path) -> None:
    from tiny_training import CLASSES, make_registry, open_tiny

    from toolkit.data.images import open_images
    from toolkit.data.masks import open_masks
    from toolkit.metrics.confusion import count_image
    from toolkit.metrics.scores import score_counts

    recipe = make_recipe(**FULL)
    result = train(tiny_root, tmp_path / "run", recipe)
    checkpoint = load_checkpoint(result.best)
    contest = open_tiny(tiny_root, recipe)
    from toolkit import Context

    model = make_registry().build("model", recipe.model, Context(class_names=CLASSES)).eval()
    model.load_state_dict(checkpoint.model_state)
    images = open_images(contest.val, None, (16, 16), SilentProgress())
    masks = open_masks(contest.val, tmp_path, (16, 16), SilentProgress())
    counts = []
    for image, mask in zip(images, masks, strict=True):
        pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (checkpoint.mean, checkpoint.std))
        with torch.no_grad():
            labels = model((pixels - mean) / std)["main"].argmax(1)
        counts.append(count_image(labels[0].numpy().astype("uint8"), mask, 3, 255))
    found = score_counts(np.stack(counts)).mean_iou
    assert found == pytest.approx(checkpoint.scores["val_miou"], abs=2e-3)
