from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_training import CLASSES, make_recipe, make_registry, open_tiny

from toolkit import UsageError
from toolkit.data.masks import paint_mask
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Train
from toolkit.train.batches import Batches, device_batch_size, open_batches
from toolkit.train.distributed import World
from toolkit.workspace import Workspace


def _open(root: Path, world: World = World(), **recipe: Any) -> Batches:  # noqa: B008
    settings = make_recipe(**recipe)
    return open_batches(
        Workspace(Project(root.parent), make_registry(), SilentProgress()),
        settings,
        open_tiny(root, settings),
        cache=root.parent / "cache",
        world=world,
        pretrained=False,
    )


def test_components_know_the_run(tiny_root: Path) -> None:
    context = _open(tiny_root, epochs=7).context
    assert context.class_names == CLASSES
    assert (context.epochs, context.steps_per_epoch, context.total_steps) == (7, 3, 21)
    assert not context.pretrained
    split = open_tiny(tiny_root, make_recipe()).train
    masks = [paint_mask(image, split.labels, "max-id", 255) for image in split.images]
    counts = np.bincount(np.concatenate([mask.ravel() for mask in masks]))
    assert context.pixel_share == pytest.approx(tuple(counts / counts.sum()))


@pytest.mark.parametrize(
    ("batch", "per_device", "devices", "expected"),
    [(16, None, 1, 16), (16, None, 4, 4), (16, 4, 1, 4), (16, 4, 4, 4), (12, 3, 2, 3)],
)
def test_device_batch_follows_from_the_batch(
    batch: int, per_device: int | None, devices: int, expected: int
) -> None:
    train = Train(batch_size=batch, device_batch_size=per_device)
    assert device_batch_size(train, devices) == expected


@pytest.mark.parametrize(
    ("batch", "per_device", "devices", "valid"),
    [(16, 3, 2, "12 or 18"), (16, 5, 1, "15 or 20"), (2, None, 4, "= 4."), (7, None, 2, "6 or 8")],
)
def test_a_batch_that_cannot_be_divided_names_the_nearest_that_can(
    batch: int, per_device: int | None, devices: int, valid: str
) -> None:
    with pytest.raises(UsageError, match=f"train.batch_size = {batch}") as caught:
        device_batch_size(Train(batch_size=batch, device_batch_size=per_device), devices)
    assert valid in caught.value.hint


def test_accumulation_makes_up_for_small_device_batches(tiny_root: Path) -> None:
    batches = _open(tiny_root, batch_size=4, device_batch_size=2)
    pieces = list(batches.train)
    assert batches.accumulation == 2
    assert [len(piece.images) for piece in pieces] == [2] * 6


def test_ranks_share_the_validation_images_and_repeat_none(tiny_root: Path) -> None:
    _open(tiny_root)  # the caches are there, so that no process waits for another
    seen = [
        int(index)
        for rank in range(2)
        for batch in _validation(tiny_root, rank)
        for index in batch.indices
    ]
    assert sorted(seen) == list(range(5))


def _validation(root: Path, rank: int) -> Any:
    from unittest.mock import patch

    with patch.object(World, "barrier"):
        return _open(root, World(rank, 2, rank)).validation


def test_a_split_without_a_labelled_pixel_is_refused(tiny_root: Path) -> None:
    from unittest.mock import patch

    from toolkit.data.array_store import ArrayStore

    opened = ArrayStore._open

    def without_counts(self: ArrayStore) -> None:
        opened(self)
        self.pixel_counts = np.zeros_like(self.pixel_counts)

    _open(tiny_root)
    with (
        patch.object(ArrayStore, "_open", without_counts),
        pytest.raises(UsageError, match="train split has no labelled pixel"),
    ):
        _open(tiny_root)
