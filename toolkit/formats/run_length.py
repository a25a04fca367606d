"""Kaggle's format: one row per image and class, the class's pixels as runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.csv_records import read_records
from toolkit.formats.id_style import LeftOut
from toolkit.formats.label_rows import fitted_labels, sampling_of, valid_rows
from toolkit.formats.number_string import decode_numbers
from toolkit.formats.rle import LabelText, decode_runs, encode_runs, explain_runs
from toolkit.formats.row_cells import RowCells
from toolkit.formats.rows import (
    ReadRow,
    RowProblem,
    header_line,
    quote_field,
    read_lines,
    split_fields,
)
from toolkit.plugin.kinds import Nearest

# A run takes two numbers of at most 12 digits, and every second pixel may begin one.
_BYTES_PER_PIXEL = 16
_BYTES_OF_NAME = 1 << 16

Order = Literal["column-major", "row-major"]


@dataclass
class RunLength:
    """A CSV with a row for every image and every class but the background.

    The runs of a class, "start length start length …", ascend; an empty field is a class that the
    image lacks. The rows of an image follow each other, its classes in any order.

    Attributes:
        size: (height, width) of the maps, pixels.
        columns: names in the header.
        cells: what stands in each column, see `RowCells`.
        class_names: index = label, 0 = background.
        order: pixels are numbered down the columns or along the rows.
        first_pixel: number of the pixel at the top left, 0 or 1.
        empty: text of a class that the image lacks.
        image_suffix: ending of the images' names that the file leaves out.
        nearest: which pixel nearest neighbour takes where labels are resized to `size`.
        image_folder: folder of the images' names that the file leaves out.

    Raises:
        UsageError: the cells do not name image, class and pixels once, or `empty` looks like runs.
    """

    size: tuple[int, int]
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    class_names: tuple[str, ...]
    order: Order = "column-major"
    first_pixel: int = 1
    empty: str = ""
    image_suffix: str = ""
    nearest: Nearest = "corner"
    image_folder: str = ""
    suffix: str = field(default=".csv", init=False)

    def __post_init__(self) -> None:
        self._left_out = LeftOut(self.image_folder, self.image_suffix)
        self._cells = RowCells(self.cells, self.columns, self.class_names)
        if self.empty and decode_numbers(self.empty.encode()) is not None:
            raise UsageError(
                f"empty = {self.empty!r} could be a run",
                'Choose a text that is not a number, such as "-1".',
                parameter="empty",
            )

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write pairs (image id, uint8 labels of any size), resized to `size` by nearest neighbour.

        Raises:
            TrashError: a label is outside the classes, or an id cannot stand in such a file.
        """
        target.write(header_line(self.columns) + b"\n")
        empty = quote_field(self.empty)
        for image_id, labels in rows:
            fitted = fitted_labels(image_id, labels, sampling_of(self), len(self.class_names))
            text_of = encode_runs(self._reorder(fitted).ravel(), self.first_pixel)
            for label in range(1, len(self.class_names)):
                fields = self._written_cells(image_id, label)
                fields[self._cells.pixels_at] = text_of.get(label, empty)
                target.write(b",".join(fields) + b"\n")

    def refuse_ids(self, image_ids: Sequence[str]) -> None:
        """Refuse ids that cannot stand in a CSV file.

        Raises:
            UsageError: one of them cannot.
        """
        for image_id in image_ids:
            self._written_cells(image_id, 1)

    def _written_cells(self, image_id: str, label: int) -> list[bytes]:
        written = self._left_out.id_of(image_id)
        return [quote_field(cell) for cell in self._cells.fill(written, label)]

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, uint8 labels of `size`) of a file that need not fit into memory.

        Raises:
            UsageError: the file is not exactly in this format; names row and number.
        """
        return valid_rows(path, self.inspect(path))

    def inspect(self, path: Path) -> Iterator[ReadRow]:
        """Yield each image as far as it can be read, after the problems of single lines."""
        for image_id, lines in groupby(self._lines(path), key=attrgetter("image_id")):
            if image_id is None:
                yield from (ReadRow(line.row, problems=line.problems) for line in lines)
            else:
                yield from self._read_image(image_id, lines)

    def image_ids(self, path: Path) -> Iterator[str]:
        """Yield the image of each row of a sample submission, whose lines may end in any way.

        Raises:
            UsageError: the file cannot be opened, or a row does not say its image and class.
        """
        for line in read_lines(path, self._longest):
            if line.row == 1 or not line.content:
                continue
            fields = split_fields(line.content, len(self.columns)) or []
            if len(fields) < len(self.columns):
                raise UsageError(f"{path}: row {line.row}: expected {', '.join(self.cells)}")
            try:
                yield self._left_out.name_of(self._cells.read(self._texts(fields))[0])
            except ValueError as error:
                raise UsageError(f"{path}: row {line.row}: {error}") from None

    @property
    def _longest(self) -> int:
        return self.size[0] * self.size[1] * _BYTES_PER_PIXEL + _BYTES_OF_NAME

    def _lines(self, path: Path) -> Iterator[_Line]:
        image_id = None
        for record in read_records(path, self.columns, self._longest):
            row, problems = record.row, record.problems
            if record.fields is None:
                yield _Line(row, image_id, problems)
                continue
            try:
                written, label = self._cells.read(self._texts(record.fields))
            except ValueError as error:
                yield _Line(row, image_id, (RowProblem(str(error), row), *problems))
                continue
            image_id = self._left_out.name_of(written)
            yield _Line(row, image_id, problems, label, record.fields[self._cells.pixels_at])

    def _read_image(self, image_id: str, lines: Iterable[_Line]) -> Iterator[ReadRow]:
        line_of: dict[int, _Line] = {}
        is_whole = True
        for line in lines:
            problems = line.problems
            if line.label is None:
                is_whole = False
            elif line.label in line_of:
                name, before = self.class_names[line.label], line_of[line.label].row
                twice = RowProblem(f"{name} is already in row {before}", line.row, None, image_id)
                problems = (twice, *problems)
            else:
                line_of[line.label] = line
            if problems:
                yield ReadRow(line.row, problems=problems)
        row = min(line.row for line in line_of.values())
        missing = [label for label in range(1, len(self.class_names)) if label not in line_of]
        if missing and is_whole:
            shown = ", ".join(self.class_names[label] for label in missing[:3])
            message = f"no row of {shown}{', …' if len(missing) > 3 else ''}"
            yield ReadRow(row, problems=(RowProblem(message, row, None, image_id),))
        decoded = self._decode(row, image_id, line_of)
        # Without one of its rows the map is not known, but the others may have problems too.
        yield replace(decoded, labels=None) if missing or not is_whole else decoded

    def _decode(self, row: int, image_id: str, line_of: Mapping[int, _Line]) -> ReadRow:
        lines = list(line_of.values())
        blank = [line.row for line in lines if not line.text] if self.empty else []
        if blank:
            message = f"no runs; a class that the image lacks is written {self.empty}"
            return ReadRow(row, image_id, None, (RowProblem(message, blank[0], None, image_id),))
        empty = self.empty.encode()
        texts = [
            LabelText(label, b"" if line.text == empty else line.text)
            for label, line in line_of.items()
        ]
        n_pixels = self.size[0] * self.size[1]
        flat = decode_runs(texts, n_pixels, self.first_pixel)
        if flat is None:
            faults = explain_runs(texts, self.class_names, n_pixels, self.first_pixel)
            problems = [
                RowProblem(message, lines[text].row, number, image_id, "number")
                for text, number, message in faults
            ]
            return ReadRow(row, image_id, None, tuple(problems))
        height, width = self.size
        turned = (width, height) if self.order == "column-major" else self.size
        return ReadRow(row, image_id, self._reorder(flat.reshape(turned)))

    def _reorder(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Transpose a map if its pixels are numbered column by column; twice gives it back."""
        if self.order == "row-major":
            return labels
        # Ten times as fast as a copy by NumPy.
        return np.asarray(cv2.transpose(labels), np.uint8)

    def _texts(self, fields: Sequence[bytes]) -> list[str]:
        try:
            return [
                "" if position == self._cells.pixels_at else each.decode()
                for position, each in enumerate(fields)
            ]
        except UnicodeDecodeError:
            raise ValueError("the image id is not UTF-8 text") from None


@dataclass(frozen=True)
class _Line:
    """One row; a broken one belongs to the image before it, has no label, and says why."""

    row: int
    image_id: str | None
    problems: tuple[RowProblem, ...]
    label: int | None = None
    text: bytes = b""
