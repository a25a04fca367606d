"""Kaggle's tables of run lengths as training labels: a row for each object, or image and class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import Any, Literal

import numpy as np
from pycocotools import mask as coco_mask

from toolkit.data.csv_table import read_csv_table
from toolkit.data.photo_names import PhotoFolder
from toolkit.errors import UsageError
from toolkit.formats.number_string import decode_numbers
from toolkit.formats.rle import LabelText, explain_runs
from toolkit.formats.row_cells import RowCells
from toolkit.plugin.reader import Annotation, AnnotationSet, Category, ImageRecord, ReadRequest
from toolkit.wording import counted, some_of

Order = Literal["column-major", "row-major"]

_SHOWN = 3


@dataclass(frozen=True)
class _Row:
    """One row: its line, the image as the file calls it, the label of its object, and the runs."""

    line: int
    image: str
    label: int
    pixels: str


@dataclass(frozen=True)
class RunLengthTable:
    """Reads a CSV file with "start length start length …" for the objects of photos.

    Several rows may be of one image and class. Rows without runs are of images without an object.

    Attributes:
        columns: names of the columns that are read; others may be beside them.
        cells: what stands in each of them, see `RowCells`.
        class_names: index = label; 0 = background, which has no rows.
        photos: folder of the photos, below the root; the file may leave out their ending.
        order: pixels are numbered down the columns or along the rows.
        first_pixel: number of the pixel at the top left, 0 or 1.
        empty: text of a row without runs, beside none at all.
    """

    columns: tuple[str, ...]
    cells: tuple[str, ...]
    class_names: tuple[str, ...]
    photos: str = ""
    order: Order = "column-major"
    first_pixel: int = 1
    empty: str = ""

    def __call__(self, request: ReadRequest) -> AnnotationSet:
        """Return the images of the file in its order; each row with runs is an annotation.

        Raises:
            UsageError: there are no classes, the cells do not name image, class and pixels once,
                the file or a photo cannot be read, or rows are wrong: names them.
        """
        if request.path.is_dir():
            raise UsageError(
                f"{request.path} is a folder, not a table of run lengths",
                "Name the CSV file; data.format.photos says where the photos are.",
            )
        rows = self._rows(request.path)
        images = list(dict.fromkeys(row.image for row in rows))
        first = {row.image: f"line {row.line}" for row in reversed(rows)}
        places = [first[image] for image in images]
        names = PhotoFolder(request.root / self.photos).find_all(images, request.path, places)
        names = [normpath(f"{self.photos}/{name}") if self.photos else name for name in names]
        if not request.labelled:
            records = tuple(ImageRecord(n, name) for n, name in enumerate(names, start=1))
            return AnnotationSet(request.path, records, self._categories)
        sizes = request.photo_sizes(names)
        of_image: dict[str, list[_Row]] = {image: [] for image in images}
        for row in rows:
            if row.pixels not in ("", self.empty):
                of_image[row.image].append(row)
        faults: list[str] = []
        records = tuple(
            ImageRecord(
                image_id=number,
                file_name=name,
                width=width,
                height=height,
                annotations=self._annotations(of_image[image], (height, width), faults),
            )
            for number, (image, name, (width, height)) in enumerate(
                zip(images, names, sizes, strict=True), start=1
            )
        )
        if faults:
            rows_ = counted(len(faults), "row is", "rows are")
            raise UsageError(f"{request.path}: {rows_} wrong: {some_of(faults, _SHOWN)}", self._way)
        return AnnotationSet(request.path, records, self._categories)

    @property
    def _categories(self) -> tuple[Category, ...]:
        named = enumerate(self.class_names[1:], start=1)
        return tuple(Category(label, name) for label, name in named)

    @property
    def _way(self) -> str:
        return (
            f'Runs are read with data.format.order = "{self.order}" and first_pixel = '
            f"{self.first_pixel}, in photos as their EXIF data turn them."
        )

    def _row_cells(self, path: Path) -> RowCells:
        if len(self.class_names) < 2:
            raise UsageError(
                f"{path}: nothing says which classes its rows have",
                'Set data.classes; a single one, too: data.classes = ["salt"].',
            )
        try:
            return RowCells(self.cells, self.columns, self.class_names)
        except UsageError as error:
            raise UsageError(
                f"{path}: {error.message}", error.hint, parameter=error.parameter
            ) from None

    def _rows(self, path: Path) -> list[_Row]:
        table = read_csv_table(path)
        for column in self.columns:
            table.require(column, "columns")
        cells = self._row_cells(path)
        found, faults = [], []
        for row in table.rows:
            texts = [row.texts[column].strip() for column in self.columns]
            try:
                image, label = cells.read(texts)
            except ValueError as error:
                faults.append(f"line {row.line}: {error}")
                continue
            found.append(_Row(row.line, image, label, texts[cells.pixels_at]))
        if faults:
            several = counted(len(faults), "row is", "rows are")
            raise UsageError(f"{path}: {several} wrong: {some_of(faults, _SHOWN)}")
        return found

    def _annotations(
        self, rows: Sequence[_Row], size: tuple[int, int], faults: list[str]
    ) -> tuple[Annotation, ...]:
        found = []
        for row in rows:
            outline = self._outline(row, size, faults)
            if outline is not None:
                found.append(Annotation(row.label, outline, 0, False, row.line))
        return tuple(found)

    def _outline(
        self, row: _Row, size: tuple[int, int], faults: list[str]
    ) -> dict[str, Any] | None:
        """Return the runs as an RLE of COCO, which goes down the columns, too."""
        height, width = size
        counts = _counts(row.pixels, height * width, self.first_pixel)
        if counts is None:
            text = LabelText(1, row.pixels.encode())
            names = ("", self.class_names[row.label])
            told = explain_runs([text], names, height * width, self.first_pixel)
            why = next((message for _, _, message in told), "not runs")
            faults.append(f"line {row.line} ({row.image}): {why}")
            return None
        if self.order == "column-major":
            return {"size": [height, width], "counts": counts}
        inside = np.arange(len(counts)) % 2
        pixels = np.repeat(inside.astype(np.uint8), counts).reshape(size)
        encoded = coco_mask.encode(np.asfortranarray(pixels))
        return {"size": [height, width], "counts": encoded["counts"].decode()}


def _counts(text: str, n_pixels: int, first: int) -> list[int] | None:
    """Return lengths of pixels outside and inside the runs, in turn; None if the runs are wrong.

    Runs must have pixels, lie inside the map and ascend: a map is not made of every row.
    """
    numbers = decode_numbers(text.encode())
    if numbers is None or len(numbers) % 2:
        return None
    starts, lengths = numbers[0::2] - first, numbers[1::2]
    stops = starts + lengths
    gaps = starts - np.concatenate(([0], stops[:-1]))
    if gaps.min() < 0 or lengths.min() < 1 or stops[-1] > n_pixels:
        return None
    counts: list[int] = np.stack((gaps, lengths), axis=1).ravel().tolist()
    return [*counts, n_pixels - int(stops[-1])]
