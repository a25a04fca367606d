from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.workspaces import workspace_in
from toolkit.data.contest import Contest, open_contest
from toolkit.data.split import Split
from toolkit.project import Project
from toolkit.recipe.schema import Data

CATEGORIES = [{"id": 7, "name": "paper"}, {"id": 3, "name": "metal"}, {"id": 40, "name": "glass"}]


def square(x: int, y: int, side: int) -> list[list[float]]:
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


def coco(
    n_images: int, *, prefix: str, size: tuple[int, int] = (24, 32), first_id: int = 100
) -> dict[str, Any]:
    """A COCO file of `n_images` images with two overlapping squares each; ids have gaps."""
    height, width = size
    images = [
        {
            "id": first_id + 5 * row,
            "file_name": f"{prefix}/{row:02d}.png",
            "width": width,
            "height": height,
        }
        for row in range(n_images)
    ]
    annotations = [
        {
            "id": 1000 + 10 * row + number,
            "image_id": first_id + 5 * row,
            "category_id": CATEGORIES[(row + number) % 3]["id"],
            "segmentation": square(2 + 4 * number, 2 + row % 5, 10),
            "area": 100,
            "bbox": [2 + 4 * number, 2 + row % 5, 10, 10],
            "iscrowd": 0,
        }
        for row in range(n_images)
        for number in range(2)
    ]
    return {"images": images, "annotations": annotations, "categories": CATEGORIES}


def write_split(root: Path, name: str, content: dict[str, Any]) -> Path:
    """Write the COCO file and random images for its records."""
    rng = np.random.default_rng(len(content["images"]))
    for record in content["images"]:
        path = root / record["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (record["height"], record["width"], 3), dtype=np.uint8)
        cv2.imwrite(str(path), pixels)
    path = root / name
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


MakeContest = Callable[..., Contest]


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """A contest of 9 + 4 + 3 images of 32 x 24 pixels and three classes."""
    root = tmp_path / "contest"
    for name, n_images in (("train", 9), ("val", 4), ("test", 3)):
        write_split(root, f"{name}.json", coco(n_images, prefix=name))
    return root


@pytest.fixture
def make_contest(data_root: Path) -> MakeContest:
    def make(**data: Any) -> Contest:
        given = {"val": "val.json", "test": "test.json", "image_size": (24, 32), **data}
        described = Data(root=str(data_root), **given)
        return open_contest(workspace_in(Project(data_root.parent)), described)

    return make


@pytest.fixture
def train_split(make_contest: MakeContest) -> Split:
    return make_contest().train
