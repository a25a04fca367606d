"""Opening banks, and what a slow look at the masks says they must hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from toolkit.data.contest import Contest
from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.objects.cutting import MARGIN
from toolkit.objects.object_bank import (
    ObjectStore,
    open_object_bank,
)
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Objects

ALL = ("metal", "paper", "glass")


def open_data(
    objects: Objects,
    contest: Contest,
    home: Path,
    progress: SilentProgress | None = None,
) -> ObjectStore:
    return open_object_bank(
        objects,
        contest,
        cache=home / "cache",
        project=Project(home),
        progress=progress or SilentProgress(),
    )


def expected_objects(
    train: Split, labels: set[int], by: str, min_area: int
) -> list[dict[str, Any]]:
    """Cut the objects out pixel by pixel."""
    found = []
    for row, record in enumerate(train.images):
        mask = paint_mask(record, train.labels, train.overlap, train.ignore_index)
        shapes = []
        if by == "class":
            shapes = [(label, mask == label) for label in sorted(labels)]
        else:
            for each in record.annotations:
                label = train.labels.label_of[each.category_id]
                if label in labels and not each.iscrowd:
                    polygons = coco_mask.frPyObjects(each.segmentation, record.height, record.width)
                    covered = coco_mask.decode(coco_mask.merge(polygons)) == 1
                    shapes.append((label, covered & (mask == label)))
        photo = read_image(train.path(row), record)
        for label, shape in shapes:
            if not shape.any() or shape.sum() < min_area:
                continue
            rows, columns = np.nonzero(shape)
            place = (
                slice(max(rows.min() - MARGIN, 0), rows.max() + 1 + MARGIN),
                slice(max(columns.min() - MARGIN, 0), columns.max() + 1 + MARGIN),
            )
            found.append(
                {
                    "label": label,
                    "file_name": record.file_name,
                    "source_size": (record.height, record.width),
                    "corner": (int(place[0].start), int(place[1].start)),
                    "area": int(shape.sum()),
                    "image": photo[place],
                    "alpha": np.where(shape[place], 255, 0),
                }
            )
    return found


def assert_holds(bank: ObjectStore, objects: list[dict[str, Any]]) -> None:
    assert len(bank) == len(objects)
    for position, wanted in enumerate(objects):
        cut_out = bank[position]
        assert cut_out.label == wanted["label"]
        assert cut_out.file_name == wanted["file_name"]
        assert cut_out.source_size == wanted["source_size"]
        assert cut_out.corner == wanted["corner"]
        assert bank.index.objects[position].area == wanted["area"]
        np.testing.assert_array_equal(cut_out.image, wanted["image"])
        np.testing.assert_array_equal(cut_out.alpha, wanted["alpha"])
        assert cut_out.image.dtype == cut_out.alpha.dtype == np.uint8
    for label in range(len(bank.class_names)):
        assert list(bank.of(label)) == [
            position for position, wanted in enumerate(objects) if wanted["label"] == label
        ]
    assert bank.labels == tuple(sorted({wanted["label"] for wanted in objects}))
