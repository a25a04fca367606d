"""template_name: a CSV file with a photo, a class and a polygon on each line."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated

import numpy as np
from PIL import Image
from pydantic import Field

from toolkit import (
    Annotation,
    AnnotationSet,
    Category,
    Component,
    Context,
    ImageRecord,
    ReadRequest,
    UsageError,
    hookimpl,
)

Factor = Annotated[float, Field(gt=0)]


class PolygonTable:
    """Reads lines such as `photos/a.jpg,Paper,10 10 40 10 40 30`: x y x y …"""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, request: ReadRequest) -> AnnotationSet:
        """Return the photos in the order of the file; the classes are sorted by name."""
        try:
            lines = list(csv.reader(request.path.read_text(encoding="utf-8").splitlines()))
            rows = [(photo, name, self._polygon(points)) for photo, name, points in lines]
        except (OSError, ValueError, csv.Error) as error:
            raise UsageError(
                f"{request.path}: not a table of polygons ({error})",
                "Each line is PHOTO,CLASS,X Y X Y …",
            ) from None
        photos = list(dict.fromkeys(photo for photo, _, _ in rows))
        classes = sorted({name for _, name, _ in rows})
        sizes = request.photo_sizes(photos)
        images = [
            ImageRecord(
                image_id=number,
                file_name=photo,
                width=width,
                height=height,
                annotations=tuple(
                    Annotation(
                        category_id=1 + classes.index(name),
                        segmentation=[polygon],
                        area=0,
                        iscrowd=False,
                        annotation_id=line,
                    )
                    for line, (own, name, polygon) in enumerate(rows, start=1)
                    if own == photo
                ),
            )
            for number, (photo, (width, height)) in enumerate(zip(photos, sizes, strict=True), 1)
        ]
        categories = [Category(number, name) for number, name in enumerate(classes, start=1)]
        return AnnotationSet(request.path, tuple(images), tuple(categories))

    def _polygon(self, points: str) -> list[float]:
        return [float(number) * self.scale for number in points.split()]

    def write_example(self, root: Path) -> str:
        """Write two photos and a table: the contract reads it."""
        for name in ("a.png", "b.png"):
            Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(root / name)
        square = " ".join(f"{n / self.scale}" for n in (10, 10, 40, 10, 40, 30, 10, 30))
        table = f"a.png,Paper,{square}\nb.png,Glass,{square}\n"
        (root / "train.csv").write_text(table, encoding="utf-8")
        return "train.csv"


def make(context: Context, *, scale: Factor = 1.0) -> PolygonTable:
    """Make a reader of polygons in a CSV file.

    Args:
        scale: pixels of the photo in one unit of the polygons' coordinates.
    """
    return PolygonTable(scale)


@hookimpl
def trash_readers() -> list[Component]:
    """Offer the reader under the name that recipes use."""
    return [Component("template_name", make, "polygons in a CSV file")]
