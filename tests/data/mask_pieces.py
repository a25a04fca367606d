"""Small sets of photos with masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.workspaces import workspace_in
from toolkit.data.annotation_sets import read_annotations
from toolkit.data.contest import Contest, open_contest
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data

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


def read(root: Path, name: str, *, labelled: bool = True, **format_: Any) -> AnnotationSet:
    data = Data(format=ComponentSpec(name="masks", **format_))
    return read_annotations(workspace_in(), data, root / name, root, labelled=labelled)


def pairs(found: AnnotationSet, root: Path) -> list[tuple[str, str]]:
    return [
        (record.file_name, record.mask.path.relative_to(root).as_posix())
        for record in found.images
        if record.mask is not None
    ]


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


def open_camvid(root: Path, **data: Any) -> Contest:
    format_ = ComponentSpec(
        name="masks", masks="{folder}annot/{stem}.png", values=VALUES, ignore=[255]
    )
    given = {"train": "train", "val": "val", "test": "test", "format": format_, **data}
    workspace = workspace_in(Project(root / "project"))
    return open_contest(workspace, Data(root=str(root), **given))


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)
