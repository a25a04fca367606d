"""A contest that a single convolution learns: every class has a colour; some labels are wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

NAMES = ("빨강 <b>red</b>", "green", "blue")
COLOURS = {NAMES[0]: (210, 40, 40), "green": (30, 190, 50), "blue": (40, 60, 220)}
N_IMAGES, SIZE, SIDE = 12, 32, 9

RECIPE = """
seed = 3

[data]
root = "data/coloured"
image_size = [32, 32]
workers = 0

[data.folds]
file = "folds.json"
index = 0

[model]
name = "tiny"

[loss]
name = "ce"

[optimizer]
name = "adamw"
lr = 0.3

[train]
epochs = 40
validate_every = 40
batch_size = 2
device = "cpu"
"""


@dataclass(frozen=True)
class WrongLabels:
    """What is wrong: id of an annotation or box, and the photo.

    Attributes:
        swapped: annotation that is called blue, and is the first class.
        extra: annotation where nothing is.
        missing: box of an object without an annotation.
    """

    swapped: tuple[str, int]
    extra: tuple[str, int]
    missing: tuple[str, list[int]]


def photo_name(number: int) -> str:
    return f"사진 {number:02d}.png"


def write_coloured_contest(root: Path, *, corrected: bool = False) -> WrongLabels:
    """Write the photos and their annotations, three of which are wrong unless corrected."""
    rng = np.random.default_rng(7)
    root.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number in range(N_IMAGES):
        photo = np.full((SIZE, SIZE, 3), 110, np.uint8)
        corners = [(1, 1), (21, 2), (2, 20), (20, 21)]  # the last one stays empty
        for label, corner in enumerate(rng.permutation(corners)[:3].tolist()):
            left, top = corner
            photo[top : top + SIDE, left : left + SIDE] = COLOURS[NAMES[label]]
            annotations.append(annotation(10 * number + label, number, label + 1, left, top))
        noisy = photo + rng.normal(0, 6, photo.shape)
        pixels = np.clip(noisy, 0, 255).astype(np.uint8)
        (root / photo_name(number)).write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1])
        images.append(
            {"id": number, "file_name": photo_name(number), "width": SIZE, "height": SIZE}
        )
    by_id = {each["id"]: each for each in annotations}
    left_out = by_id[51]
    if not corrected:
        by_id[10]["category_id"] = 3
        del by_id[51]
        by_id[999] = annotation(999, 8, 2, 11, 12)
    content = {
        "images": images,
        "annotations": list(by_id.values()),
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(NAMES)],
    }
    (root / "train.json").write_text(json.dumps(content))
    return WrongLabels((photo_name(1), 10), (photo_name(8), 999), (photo_name(5), left_out["bbox"]))


def annotation(number: int, image: int, category: int, left: int, top: int) -> dict[str, Any]:
    right, bottom = left + SIDE, top + SIDE
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": [[left, top, right, top, right, bottom, left, bottom]],
        "bbox": [left, top, SIDE, SIDE],
    }
