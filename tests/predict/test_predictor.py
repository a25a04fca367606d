from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit import Component, Context
from toolkit.data.images import read_image
from toolkit.data.labels import LabelMap
from toolkit.data.resize import resize_image
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.plugin.reader import ImageRecord
from toolkit.plugin.registry import Entry, Registry
from toolkit.predict.member import Member, load_member
from toolkit.predict.predictor import predict_split
from toolkit.predict.writer import StoreWriter
from toolkit.progress import SilentProgress
from toolkit.train.checkpoint import Checkpoint, save_checkpoint

CLASSES = ("Background", "Paper", "Glass")
MEAN, STD = (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
CPU = torch.device("cpu")


class Tiny(nn.Module):
    """Half-size logits; not symmetric, so that a wrong inverse shows."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, width, 3, stride=2, padding=1)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        logits = self.layer(images) * 3
        return {"aux": logits.flip(1), "main": logits}


def registry_with(registry: Registry, make: Callable[[Context], nn.Module]) -> Registry:
    return Registry([*registry.entries(), Entry("model", Component("tiny", make, "tiny"), "test")])


@pytest.fixture
def tiny(registry: Registry) -> Registry:
    return registry_with(registry, lambda context: Tiny())


def write_checkpoint(path: Path, **train: Any) -> Path:
    torch.manual_seed(1)
    recipe = {
        "model": {"name": "tiny"},
        "loss": {"name": "cross_entropy"},
        "train": train,
        "predict": {"batch_size": 3},
    }
    checkpoint = Checkpoint(
        model_state=Tiny().state_dict(),
        recipe=recipe,
        class_names=CLASSES,
        image_size=(16, 24),
        mean=MEAN,
        std=STD,
        scores={},
        epoch=1,
    )
    save_checkpoint(path, checkpoint)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "a.pt")


SIZES = [(20, 30), (16, 24), (31, 17), (8, 40), (20, 30)]


@pytest.fixture
def split(tmp_path: Path) -> Split:
    rng = np.random.default_rng(0)
    records = []
    for number, (height, width) in enumerate(SIZES):
        image = cv2.resize(
            rng.integers(0, 256, (4, 4, 3), dtype=np.uint8),
            (width, height),
            interpolation=cv2.INTER_CUBIC,
        )
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
        records.append(ImageRecord(number, f"{number}.png", width, height))
    return Split(
        "test",
        tmp_path / "test.json",
        tmp_path,
        tuple(records),
        LabelMap(CLASSES, {}),
        "max-id",
        255,
        "digest",
    )


def predict(member: Member, split: Split, cache: Path, **changes: Any) -> Any:
    options: dict[str, Any] = {"store": "f32", "progress": SilentProgress()}
    return predict_split(member, split, cache=cache, **(options | changes))


def slow_map(member: Member, split: Split, position: int, flips: Sequence[Sequence[int]]) -> Any:
    """One image at a time, views written out: mean over flips of softmax of resized logits."""
    image = resize_image(read_image(split.path(position), None), (16, 24))
    scaled = (image / 255.0 - np.array(MEAN)) / np.array(STD)
    network = torch.from_numpy(scaled.transpose(2, 0, 1)).float()[None]
    maps = []
    for axes in flips:
        with torch.no_grad():
            logits = member.model(network.flip(axes))["main"].flip(axes)
        logits = functional.interpolate(logits, SIZES[position], mode="bilinear")
        maps.append(logits.double().softmax(1)[0].numpy())
    return np.mean(maps, axis=0)


@pytest.mark.parametrize(
    ("views", "flips"), [("none", [[]]), ("hflip*vflip", [[], [3], [2], [2, 3]])]
)
def test_maps_equal_a_slow_reference(
    checkpoint: Path, tiny: Registry, split: Split, tmp_path: Path, views: str, flips: Any
) -> None:
    member = load_member(checkpoint, tiny, CPU, views)
    store = predict(member, split, tmp_path / "cache")
    assert store.sizes == tuple(SIZES)
    for position in range(len(split)):
        expected = slow_map(member, split, position, flips)
        assert expected.std() > 0.05  # the comparison means something
        np.testing.assert_allclose(store.read(position), expected, atol=1e-5)


def test_views_that_swap_height_and_width_see_a_turned_image(
    checkpoint: Path, registry: Registry, split: Split, tmp_path: Path
) -> None:
    shapes = set()

    class Spy(Tiny):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            shapes.add(tuple(images.shape[-2:]))
            return super().forward(images)

    member = load_member(checkpoint, registry_with(registry, lambda context: Spy()), CPU, "rot90")
    store = predict(member, split, tmp_path / "cache")
    assert shapes == {(16, 24), (24, 16)}
    assert [store.read(position).shape[1:] for position in range(len(split))] == SIZES


def test_predicted_member_is_read_without_building_its_network(
    checkpoint: Path, tiny: Registry, registry: Registry, split: Split, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = predict(load_member(checkpoint, tiny, CPU), split, cache)

    class Unbuilt(Tiny):
        def __init__(self) -> None:
            raise AssertionError("the network was built")

    again = load_member(checkpoint, registry_with(registry, lambda context: Unbuilt()), CPU)
    assert predict(again, split, cache).folder == first.folder
    with pytest.raises(TrashError, match="was built"):
        predict(again, split, cache, store="u8")


@pytest.mark.parametrize("changed", ["views", "store", "weights", "precision", "image", "split"])
def test_whatever_changes_the_maps_changes_the_store(
    changed: str, checkpoint: Path, tiny: Registry, split: Split, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    first = predict(load_member(checkpoint, tiny, CPU), split, cache).folder
    views, store = None, "f32"
    if changed == "views":
        views = "hflip"
    elif changed == "store":
        store = "u16"
    elif changed == "weights":
        write_checkpoint(checkpoint, epochs=7)
    elif changed == "precision":
        write_checkpoint(checkpoint, precision="bf16")
    elif changed == "image":
        cv2.imwrite(str(split.path(0)), np.zeros((*SIZES[0], 3), np.uint8))
        split = replace(split)  # opened again
    else:
        split = replace(split, images=split.images[:3])
    member = load_member(checkpoint, tiny, CPU, views)
    assert predict(member, split, cache, store=store).folder != first


def test_interrupted_prediction_goes_on_where_it_stopped(
    checkpoint: Path, registry: Registry, split: Split, tmp_path: Path
) -> None:
    seen: list[int] = []

    class Interrupted(Tiny):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            seen.append(len(images))
            if len(seen) == 3:
                raise KeyboardInterrupt
            return super().forward(images)

    member = load_member(checkpoint, registry_with(registry, lambda context: Interrupted()), CPU)
    with pytest.raises(KeyboardInterrupt):
        predict(member, split, tmp_path / "cache", batch_size=2)
    seen[:] = [0, 0, 0]
    store = predict(member, split, tmp_path / "cache", batch_size=2)
    assert seen[3:] == [1]  # four of five were stored before
    whole = predict(member, split, tmp_path / "other", batch_size=5)
    for position in range(len(split)):
        np.testing.assert_allclose(store.read(position), whole.read(position), atol=1e-6)


def test_broken_image_keeps_what_was_predicted(
    checkpoint: Path, tiny: Registry, split: Split, tmp_path: Path
) -> None:
    split.path(4).write_bytes(split.path(4).read_bytes()[:50])
    with pytest.raises(UsageError, match=r"4\.png"):
        predict(load_member(checkpoint, tiny, CPU), split, tmp_path / "cache", batch_size=2)
    (partial,) = (tmp_path / "cache" / "stores").glob("*.partial")
    assert (partial / "done.txt").read_text().split()[-1] in ("2", "4")


def test_changed_model_is_explained(checkpoint: Path, registry: Registry) -> None:
    member = load_member(checkpoint, registry_with(registry, lambda context: Tiny(4)), CPU)
    with pytest.raises(UsageError, match="weights do not fit the model tiny") as caught:
        _ = member.model
    assert "layer.weight" in caught.value.message
    assert "plugin changed" in caught.value.hint


def test_model_with_too_many_outputs_is_refused(
    tmp_path: Path, checkpoint: Path, registry: Registry, split: Split
) -> None:
    class Wide(Tiny):
        def forward(self, images: Tensor) -> Any:
            return torch.cat([super().forward(images)["main"]] * 2, 1)

    member = load_member(checkpoint, registry_with(registry, lambda context: Wide()), CPU)
    with pytest.raises(TrashError, match=r"\(6, 20, 30\) instead of \(3, 20, 30\)"):
        predict(member, split, tmp_path / "cache")


def test_missing_model_names_the_checkpoint(checkpoint: Path, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"a\.pt: no model is called tiny"):
        _ = load_member(checkpoint, registry, CPU).model


def test_recipe_of_another_version_is_explained(checkpoint: Path, tiny: Registry) -> None:
    content = torch.load(checkpoint, weights_only=True)
    content["recipe"]["train"]["epoks"] = 3
    torch.save(content, checkpoint)
    with pytest.raises(UsageError, match=r"train\.epoks"):
        load_member(checkpoint, tiny, CPU)


def test_half_precision_of_gpus_is_not_used_on_cpus(tmp_path: Path, tiny: Registry) -> None:
    for precision in ("fp16", "bf16"):
        path = write_checkpoint(tmp_path / f"{precision}.pt", precision=precision)
        assert load_member(path, tiny, CPU).precision == "fp32"
        assert load_member(path, tiny, torch.device("cuda")).precision == precision


def test_large_maps_are_written_one_by_one(
    tiny: Registry, checkpoint: Path, split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = load_member(checkpoint, tiny, torch.device("cpu"))
    whole = predict(member, split, tmp_path / "whole")
    written = []
    append = StoreWriter.append

    def counted(writer: StoreWriter, batch: Sequence[Any]) -> None:
        written.append(len(batch))
        append(writer, batch)

    monkeypatch.setattr(StoreWriter, "append", counted)
    monkeypatch.setattr("toolkit.predict.predictor._AT_ONCE", 1)
    pieces = predict(member, split, tmp_path / "pieces")
    assert written == [1] * len(split)
    for position in range(len(split)):
        np.testing.assert_array_equal(pieces.read(position), whole.read(position))
