"""The contest's format: one row per image, all labels of its mask in one string."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from toolkit.formats.csv_records import Record, read_records
from toolkit.formats.id_style import LeftOut
from toolkit.formats.label_rows import fitted_labels, sampling_of, valid_rows
from toolkit.formats.label_string import decode_labels, encode_labels, explain_labels
from toolkit.formats.rows import ReadRow, RowProblem, header_line, quote_field, read_ids
from toolkit.plugin.kinds import Nearest

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
        image_suffix: ending of the images' names that the file leaves out.
        nearest: which pixel nearest neighbour takes where labels are resized to `size`.
        image_folder: folder of the images' names that the file leaves out.
    """

    size: tuple[int, int]
    columns: tuple[str, str]
    n_classes: int
    image_suffix: str = ""
    nearest: Nearest = "corner"
    image_folder: str = ""
    suffix: str = field(default=".csv", init=False)

    def __post_init__(self) -> None:
        self._left_out = LeftOut(self.image_folder, self.image_suffix)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Write pairs (image id, uint8 labels of any size), resized to `size` by nearest neighbour.

        Raises:
            TrashError: a label is outside the classes, or an id cannot stand in a CSV file.
        """
        target.write(header_line(self.columns) + b"\n")
        for image_id, labels in rows:
            fitted = fitted_labels(image_id, labels, sampling_of(self), self.n_classes)
            target.write(self._written_id(image_id) + b",")
            target.write(encode_labels(fitted))
            target.write(b"\n")

    def refuse_ids(self, image_ids: Sequence[str]) -> None:
        """Refuse ids that cannot stand in a CSV file.

        Raises:
            UsageError: one of them cannot.
        """
        for image_id in image_ids:
            self._written_id(image_id)

    def _written_id(self, image_id: str) -> bytes:
        return quote_field(self._left_out.id_of(image_id))

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (image id, uint8 labels of `size`) of a file that need not fit into memory.

        Raises:
            UsageError: the file is not exactly in this format; names row and column.
        """
        return valid_rows(path, self.inspect(path))

    def inspect(self, path: Path) -> Iterator[ReadRow]:
        """Yield every line as far as it can be read, the header included, with its problems."""
        longest = self.size[0] * self.size[1] * _BYTES_PER_LABEL + _BYTES_OF_NAME
        for record in read_records(path, self.columns, longest):
            if record.fields is None:
                yield ReadRow(record.row, problems=record.problems)
            else:
                yield self._read_row(record, *record.fields)

    def image_ids(self, path: Path) -> Iterator[str]:
        """Yield the image of each row of a sample submission, whose lines may end in any way.

        Raises:
            UsageError: the file cannot be opened, or an id is not UTF-8 text or badly quoted.
        """
        return map(self._left_out.name_of, read_ids(path))

    def _read_row(self, record: Record, name: bytes, text: bytes) -> ReadRow:
        row, problems = record.row, record.problems
        try:
            image_id = self._left_out.name_of(name.decode())
        except UnicodeDecodeError:
            broken = RowProblem("the image id is not UTF-8 text", row)
            return ReadRow(row, problems=(broken, *problems))
        labels = decode_labels(text)
        if (
            labels is None
            or labels.size != self.size[0] * self.size[1]
            or labels.max() >= self.n_classes
        ):
            faults = [
                RowProblem(message, row, column, image_id)
                for column, message in explain_labels(text, self.size, self.n_classes)
            ]
            return ReadRow(row, image_id, None, (*faults, *problems))
        return ReadRow(row, image_id, labels.reshape(self.size), problems)
