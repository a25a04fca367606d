from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.data.images import open_images
from toolkit.data.loader import eval_loader
from toolkit.data.masks import open_masks
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.progress import SilentProgress

SIZE = (24, 32)


@pytest.fixture
def arrays(train_split: Split, cache: Path) -> dict[str, Any]:
    quiet = SilentProgress()
    return {
        "images": open_images(train_split, cache, SIZE, quiet),
        "masks": open_masks(train_split, cache, SIZE, quiet),
    }


@pytest.mark.parametrize(("world_size", "workers"), [(1, 0), (2, 0), (4, 0), (1, 2)])
def test_evaluation_sees_every_image_once_in_order(
    arrays: dict[str, Any], world_size: int, workers: int
) -> None:
    seen = []
    for rank in range(world_size):
        loader = eval_loader(
            **arrays, batch_size=2, rank=rank, world_size=world_size, workers=workers
        )
        batches = list(loader)
        assert len(batches) == len(loader)
        indices = [int(index) for batch in batches for index in batch.indices]
        assert indices == sorted(indices)
        seen += indices
        for batch in batches:
            for image, mask, index in zip(*batch[:3], strict=True):
                np.testing.assert_array_equal(image.permute(1, 2, 0), arrays["images"][index])
                np.testing.assert_array_equal(mask, arrays["masks"][index])
    assert sorted(seen) == list(range(9))


def test_evaluation_works_without_masks(arrays: dict[str, Any]) -> None:
    loader = eval_loader(arrays["images"], None, batch_size=4, rank=0, world_size=1, workers=0)
    assert [batch.masks.shape for batch in loader] == [(4, 0, 0), (4, 0, 0), (1, 0, 0)]


def test_images_that_break_later_are_named(train_split: Split, arrays: dict[str, Any]) -> None:
    on_the_fly = open_images(train_split, None, SIZE, SilentProgress())
    path = train_split.path(4)
    path.write_bytes(path.read_bytes()[:-40])
    loader = eval_loader(on_the_fly, None, batch_size=3, rank=0, world_size=1, workers=1)
    # `pytest.raises` would keep the error, and so the workers, alive.
    message = ""
    try:
        list(loader)
    except UsageError as error:
        message = error.message
    assert "04.png: the image is truncated" in message
