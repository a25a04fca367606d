"""A small contest of photos with masks as files, in folders as CamVid has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

VALUES = {"Sky": 0, "Road": 1, "Car": [2, 3]}


def write_photo(path: Path, shade: int = 90, size: tuple[int, int] = (6, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), shade, np.uint8)).save(path)


def write_mask(path: Path, pixels: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def stripes(values: Sequence[int], size: tuple[int, int] = (6, 8)) -> NDArray[Any]:
    """Rows of one value each, in turn."""
    return np.resize(np.array(values)[:, None], size[0])[:, None] + np.zeros(size, np.int64)


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    """Two photos for training and one each for the others, as CamVid has them."""
    number = 0
    for split, names in (("train", ["a", "b"]), ("val", ["c"]), ("test", ["d"])):
        for name in names:
            number += 1
            write_photo(tmp_path / split / f"{name}.png", 40 * number)
            write_mask(tmp_path / f"{split}annot" / f"{name}.png", stripes([0, 1, 2, 3, 255]))
    return tmp_path
