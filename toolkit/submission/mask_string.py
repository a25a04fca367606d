"""The contest's format: one row per image, all labels of its mask in one string."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from toolkit.data.masks import resize_mask
from toolkit.errors import TrashError, UsageError
from toolkit.submission.label_string import decode_labels, encode_labels, explain_labels
from toolkit.submission.rows import (
    Line,
    Problem,
    ReadRow,
    header_line,
    quote_field,
    read_lines,
    split_fields,
)

_BOM = b"\xef\xbb\xbf"
# Room for a map that was not resized, so that its true number of labels can be told.
_BYTES_PER_LABEL = 16
_BYTES_OF_NAME = 1 << 16


@dataclass
class MaskString:
    """A CSV with the columns `image_id,PredictionString`.

    The string holds the labels of a (height, width) map row by row, joined by one space; lines end
    with a line feed. The bytes are those of pandas' `to_csv(index=False)`.

    Attributes:
        size: (height, width) of the maps in the file, pixels.
        columns: names in the header.
        n_classes: number of labels, background included.
    """

    size: tuple[int, int]
    columns: tuple[str, str]
    n_classes: int
    suffix: str = field(default=".csv", init=False)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write (image id, uint8 labels of any size) pairs; labels are resized to `size` by nearest.

        Raises:
            TrashError: a label is outside the classes, or an id cannot stand in a CSV file.
        """
        target.write(header_line(self.columns) + b"\n")
        for image_id, labels in rows:
            largest = int(labels.max())
            if labels.dtype != np.uint8 or largest >= self.n_classes:
                raise TrashError(
                    f"{image_id}: labels must be uint8 below {self.n_classes}, "
                    f"got {labels.dtype} up to {largest}"
                )
            target.write(quote_field(image_id) + b",")
            target.write(encode_labels(resize_mask(labels, self.size)))
            target.write(b"\n")

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, uint8 labels of `size`) of a file that need not fit into memory.

        Raises:
            UsageError: the file is not exactly in this format; names row and column.
        """
        for row in self.inspect(path):
            if row.problems:
                raise UsageError(
                    f"{path}: {row.problems[0]}", f"See all problems: trash submission check {path}"
                )
            if row.image_id is not None and row.labels is not None:
                yield row.image_id, row.labels

    def inspect(self, path: Path) -> Iterator[ReadRow]:
        """Yield every line as far as it can be read, the header included, with its problems."""
        longest = self.size[0] * self.size[1] * _BYTES_PER_LABEL + _BYTES_OF_NAME
        told_windows = False
        row = 0
        for line in read_lines(path, longest):
            row = line.row
            problems = list(_line_problems(line, told_windows))
            told_windows = told_windows or line.end == b"\r\n"
            if row == 1:
                yield ReadRow(row, problems=(*self._header_problems(line), *problems))
            else:
                yield self._read_row(line, problems)
        if row == 0:
            header = header_line(self.columns).decode()
            yield ReadRow(1, problems=(Problem(f"the file is empty; expected {header}", 1),))

    def _header_problems(self, line: Line) -> Iterator[Problem]:
        content = line.content
        if content.startswith(_BOM):
            yield Problem("the file begins with a byte order mark (BOM)", 1)
            content = content[len(_BOM) :]
        if split_fields(content) != [column.encode() for column in self.columns]:
            found = content[:60].decode("utf-8", errors="replace")
            expected = header_line(self.columns).decode()
            yield Problem(f"the header is '{found}', expected '{expected}'", 1)

    def _read_row(self, line: Line, problems: list[Problem]) -> ReadRow:
        fields = split_fields(line.content)
        if line.cut or fields is None or len(fields) != 2:
            problems.insert(0, Problem(_broken(line, fields), line.row))
            return ReadRow(line.row, problems=tuple(problems))
        try:
            image_id = fields[0].decode()
        except UnicodeDecodeError:
            problems.insert(0, Problem("the image id is not UTF-8 text", line.row))
            return ReadRow(line.row, problems=tuple(problems))
        labels = decode_labels(fields[1])
        if (
            labels is None
            or labels.size != self.size[0] * self.size[1]
            or labels.max() >= self.n_classes
        ):
            problems[:0] = [
                Problem(message, line.row, column, image_id)
                for column, message in explain_labels(fields[1], self.size, self.n_classes)
            ]
            return ReadRow(line.row, image_id, None, tuple(problems))
        return ReadRow(line.row, image_id, labels.reshape(self.size), tuple(problems))


def _line_problems(line: Line, told_windows: bool) -> Iterator[Problem]:
    if line.end == b"\r\n" and not told_windows:
        yield Problem("Windows line end (\\r\\n); the format ends lines with \\n alone", line.row)
    elif not line.end and not line.cut:
        yield Problem("no line end after the last row: the file may be cut off", line.row)


def _broken(line: Line, fields: list[bytes] | None) -> str:
    if line.cut:
        return f"the row is longer than {len(line.content):,} bytes"
    if not line.content:
        return "empty line"
    if fields is None:
        return "a quote is out of place or not closed"
    return "no comma: expected an image id and its labels" if len(fields) < 2 else "too many commas"
