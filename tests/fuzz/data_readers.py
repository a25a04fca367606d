"""The readers of data that somebody else may have written: annotations, masks, split files."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from toolkit.data.coco import read_coco
from toolkit.data.folds import Folds, read_folds, write_folds
from toolkit.data.groups import GroupRule, Groups
from toolkit.data.labels import make_label_map
from toolkit.data.mask_folders import MaskFolders
from toolkit.data.mask_meanings import MaskClasses
from toolkit.data.mask_pixels import read_pixels
from toolkit.data.masks import paint_mask
from toolkit.formats.rle_csv import RunLengthTable
from toolkit.plugin.reader import ReadRequest


@dataclass(frozen=True)
class Reader:
    """A reader, and how to make a file for it.

    Attributes:
        write: makes valid files in an empty folder.
        read: reads all of them, and does with the values what commands do.
    """

    write: Callable[[Path], None]
    read: Callable[[Path], object]


COCO = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 8, "height": 6},
        {"id": 2, "file_name": "b.jpg", "width": 8, "height": 6},
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "segmentation": [[0, 0, 4, 0, 4, 4]],
            "area": 8.0,
            "bbox": [0, 0, 4, 4],
            "iscrowd": 0,
        },
        {
            "id": 2,
            "image_id": 2,
            "category_id": 2,
            "iscrowd": 1,
            "area": 4,
            "bbox": [0, 0, 1, 4],
            "segmentation": {"size": [6, 8], "counts": [0, 4, 44]},
        },
    ],
    "categories": [{"id": 1, "name": "Paper"}, {"id": 2, "name": "Glass", "supercategory": "x"}],
}


def _coco(folder: Path) -> None:
    (folder / "a.json").write_text(json.dumps(COCO))


def _folds(folder: Path) -> None:
    source = folder.with_name(f"{folder.name}.source.json")
    source.write_text(json.dumps(COCO))
    groups = Groups(GroupRule("folder"), ("x", "y"))
    write_folds(folder / "folds.json", Folds(((0,), (1,))), read_coco(source), 1, groups)


def _read_folds(folder: Path) -> None:
    read_folds(folder / "folds.json", folder / "train.json", ["a.jpg", "b.jpg"])


def _mask(folder: Path) -> None:
    image = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8) % 3, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    image.save(folder / "m.png")


def _read_mask(folder: Path) -> None:
    read_pixels(folder / "m.png", "colours", 10**6)
    read_pixels(folder / "m.png", "values", 10**6)


def _request(folder: Path, name: str) -> ReadRequest:
    """Ask for a list whose photos, a.png and b.png, are in a folder that nobody damages."""
    photos = folder.with_name(f"{folder.name}.photos")
    photos.mkdir(exist_ok=True)
    for photo in ("a.png", "b.png"):
        (photos / photo).touch()
    return ReadRequest(folder / name, photos, True, lambda names: [(8, 6) for _ in names])


def _mask_list(folder: Path) -> None:
    (folder / "train.txt").write_text("a.png a_mask.png\n/data/b.png b_mask.png\n")


def _read_mask_list(folder: Path) -> None:
    classes = MaskClasses("Background", values={"Background": (0,), "Paper": (1, 2)})
    MaskFolders(classes)(_request(folder, "train.txt"))


def _run_lengths(folder: Path) -> None:
    (folder / "train.csv").write_text("ImageId,EncodedPixels\na.png,1 4 12 3\nb,\na,30 18\n")


def _read_run_lengths(folder: Path) -> None:
    columns, cells = ("ImageId", "EncodedPixels"), ("{image}", "{pixels}")
    table = RunLengthTable(columns, cells, ("Background", "Paper"))
    found = table(_request(folder, "train.csv"))
    labels = make_label_map(found.categories, None, "Background")
    for record in found.images:
        paint_mask(record, labels, "order", 255)


DATA_READERS = {
    "mask": Reader(_mask, _read_mask),
    "mask list": Reader(_mask_list, _read_mask_list),
    "run lengths of photos": Reader(_run_lengths, _read_run_lengths),
    "coco": Reader(_coco, lambda folder: read_coco(folder / "a.json")),
    "folds": Reader(_folds, _read_folds),
}
