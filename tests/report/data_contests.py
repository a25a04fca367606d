"""Small contests of odd data, and recipes for them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

NASTY = "<script>alert('x')</script>"
CLASSES = ("종이 <b>팩</b>", "زجاج", NASTY)
"""Names of classes in other scripts, and what must not become HTML."""


def write_recipe(folder: Path, root: Path, data: str, rest: str = "") -> None:
    """Write recipes/odd.toml for the data below `root`; `data` are more lines of its table."""
    (folder / "recipes").mkdir(exist_ok=True)
    (folder / "recipes" / "odd.toml").write_text(
        f'model.name = "unet"\nloss.name = "ce"\n{rest}\n[data]\nroot = "{root}"\n{data}\n'
    )


def write_coco(
    root: Path,
    name: str,
    masks: Sequence[NDArray[np.uint8]],
    classes: Sequence[str] = CLASSES,
    photo: str = "{split}/{row:05d}.png",
    seed: int = 0,
) -> None:
    """Write a COCO file and photos; an object for each label of each mask, as its bounding box."""
    rng = np.random.default_rng([seed, len(name)])
    images, annotations = [], []
    for row, mask in enumerate(masks):
        file = photo.format(split=name, row=row)
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        pixels = cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_CUBIC)
        (root / file).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
        height, width = mask.shape
        images.append({"id": row, "file_name": file, "width": width, "height": height})
        for label in np.unique(mask[mask > 0]).tolist():
            left, top, wide, high = cv2.boundingRect((mask == label).view(np.uint8))
            outline = [left, top, left + wide, top, left + wide, top + high, left, top + high]
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": row,
                    "category_id": label,
                    "segmentation": [outline],
                    "area": wide * high,
                    "bbox": [left, top, wide, high],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": label, "name": name} for label, name in enumerate(classes, start=1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False))


def boxes(*places: tuple[int, int, int, int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a mask of boxes: label, top, left, height, width of each."""
    mask = np.zeros(size, np.uint8)
    for label, top, left, height, width in places:
        mask[top : top + height, left : left + width] = label
    return mask
