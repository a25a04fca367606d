"""The recipe's metric decides which epoch is best and when patience ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_training import make_recipe, train

from toolkit import ComponentSpec, TrashError, UsageError
from toolkit.experiment.execution.result import RunResult
from toolkit.experiment.run_folder import RunFolder
from toolkit.train.checkpoint import load_checkpoint

METRICS = ("miou", "image_miou", "dice", "image_dice", "pixel_accuracy", "errors")


def records_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("metric", METRICS)
def test_the_best_epoch_is_the_best_by_the_metric(
    tiny_root: Path, tmp_path: Path, metric: str
) -> None:
    # A rate that overshoots: scores go up and down.
    recipe = make_recipe(metric=metric, optimizer="sgd", lr=3.0, epochs=8)
    result = train(tiny_root, tmp_path / "run", recipe)
    records = records_of(tmp_path / "run")
    scores = [record["val_score"] for record in records]
    best = min(scores) if metric == "errors" else max(scores)
    assert len(set(scores)) > 1
    assert result.best_epoch == 1 + scores.index(best)
    checkpoint = load_checkpoint(result.best)
    assert (checkpoint.epoch, checkpoint.scores["val_score"]) == (result.best_epoch, best)
    assert {record["metric"] for record in records} == {metric}
    if metric == "miou":
        assert scores == [record["val_miou"] for record in records]


def test_a_metric_changes_no_weights_but_which_are_best(tiny_root: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"optimizer": "sgd", "lr": 3.0, "epochs": 4}
    for metric in (None, "image_dice"):
        train(tiny_root, tmp_path / str(metric), make_recipe(metric=metric, **settings))
    first, second = (records_of(tmp_path / name) for name in ("None", "image_dice"))
    assert [r["val_miou"] for r in first] == [r["val_miou"] for r in second]
    assert [r["train_loss"] for r in first] == [r["train_loss"] for r in second]


def test_patience_watches_a_score_that_should_fall(tiny_root: Path, tmp_path: Path) -> None:
    recipe = make_recipe(metric="errors", optimizer="sgd", lr=0.0, epochs=9, patience=2)
    result = train(tiny_root, tmp_path / "run", recipe)
    assert (result.best_epoch, result.epochs, result.stopped_early) == (1, 3, True)


def test_a_run_goes_on_with_its_own_metric_only(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "run", make_recipe(metric="dice", epochs=1))
    recipe = make_recipe(metric="image_dice", epochs=2)
    with pytest.raises(UsageError, match=r"metric\.name: was 'dice', is 'image_dice'"):
        train(tiny_root, tmp_path / "run", recipe, resume=True)


def test_a_run_from_before_metrics_goes_on(tiny_root: Path, tmp_path: Path) -> None:
    """Its records hold the mIoU alone."""
    from toolkit.train.tensor_file import read_tensor_file, write_tensor_file

    train(tiny_root, tmp_path / "run", make_recipe(epochs=2))
    path = tmp_path / "run" / "state.pt"
    content = read_tensor_file(path, "state")
    del content["inputs"]["metric"]
    for record in content["history"]:
        for key in ("metric", "val_score", "val_metrics"):
            del record[key]
    content["history"][0]["val_miou"] = 0.99  # the best one is from before
    write_tensor_file(path, content)
    result = train(tiny_root, tmp_path / "run", make_recipe(epochs=3), resume=True)
    assert result.epochs == 3
    told = dict(RunResult(RunFolder(tmp_path / "run"), result, None).summary())
    assert told["validation"] == "mIoU 0.9900 (epoch 1)"
    assert [r["val_miou"] for r in records_of(tmp_path / "run")][result.best_epoch - 1] == max(
        r["val_miou"] for r in records_of(tmp_path / "run")
    )


def test_a_metric_without_a_value_is_told(tiny_root: Path, tmp_path: Path) -> None:
    content = json.loads((tiny_root / "val.json").read_text())
    content["annotations"] = []
    (tiny_root / "bare.json").write_text(json.dumps(content))
    metric = ComponentSpec(name="mean_accuracy", classes=["Red"])
    recipe = make_recipe()
    data = recipe.data.model_copy(update={"val": "bare.json"})
    recipe = recipe.model_copy(update={"metric": metric, "data": data})
    with pytest.raises(
        TrashError, match=r"mean_accuracy.* has no value on 5 images, whose classes are Background"
    ):
        train(tiny_root, tmp_path / "run", recipe)
