"""Several submission files read side by side, image by image, whatever the order of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.label_rows import sampling_of
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.suggestions import did_you_mean

Labels = NDArray[np.uint8]


@dataclass(frozen=True)
class Readable:
    """A submission file, or annotations read as if they were one.

    Attributes:
        path: the file.
        format: how it is written.
        class_names: index = label.
        ignored: label of pixels of annotations that count for nothing; None = a submission, which
            has none.
    """

    path: Path
    format: SubmissionFormat
    class_names: tuple[str, ...]
    ignored: int | None = None


def read_together(
    files: Sequence[Readable], order: Sequence[str] | None = None
) -> Iterator[tuple[str, list[Labels]]]:
    """Yield (image id, the labels that each file has for it, uint8 (H, W)).

    One image of each file is in memory. Rows that come before they are wanted wait on disk, as
    labels of one byte per pixel: nothing waits while the files have one order.

    Args:
        files: files of the same images.
        order: image ids in the order wanted; default: that of the first file.

    Raises:
        UsageError: the files differ in classes, sizes, `nearest` or images, or one of them is
            broken.
    """
    _require_alike(files)
    with ExitStack() as stack:
        readers = [_AlignedRows(file, stack.enter_context(TemporaryFile())) for file in files]
        for image_id in readers[0].in_order() if order is None else order:
            yield image_id, [_taken(reader, image_id, readers[0], order) for reader in readers]
        for reader in readers:
            left = reader.left()
            if left is not None:
                known = "the test set" if order is not None else str(files[0].path)
                raise UsageError(
                    f"{reader.path}: {left} is not an image of {known}",
                    "Only files of the same images go together.",
                )


def _require_alike(files: Sequence[Readable]) -> None:
    first, *others = files
    for other in others:
        if other.class_names != first.class_names:
            raise UsageError(
                f"{first.path} and {other.path} have different classes: "
                f"{', '.join(first.class_names)} and {', '.join(other.class_names)}",
                "Only files of one contest go together.",
            )
        if other.format.size != first.format.size:
            sizes = [" × ".join(map(str, each.format.size)) for each in (first, other)]
            raise UsageError(
                f"{first.path} has maps of {sizes[0]} pixels, {other.path} of {sizes[1]}",
                "Write both at one size: it is a parameter of the submission format.",
            )
        rules = [sampling_of(each.format).nearest for each in (first, other)]
        if rules[0] != rules[1]:
            raise UsageError(
                f"{first.path} holds the {rules[0]} pixels of the photos, {other.path} the "
                f"{rules[1]} ones: pixels at the same place in both files come from different "
                "places of the photo",
                "Write both with one `nearest`: it is a parameter of the submission format.",
            )


def _taken(
    reader: _AlignedRows, image_id: str, first: _AlignedRows, order: Sequence[str] | None
) -> Labels:
    labels = reader.take(image_id)
    if labels is None:
        there = f", which {first.path} has" if reader is not first else ""
        # A row that has its own place cannot be the missing one under another name.
        wanted = first.all_ids() if order is None else order
        raise UsageError(
            f"{reader.path} has no row of {image_id}{there}",
            did_you_mean(image_id, reader.waiting.keys() - wanted, limit=3)
            or f"See all problems: trash submission check {reader.path}",
        )
    return labels


class _AlignedRows:
    """The rows of one file by image id; those that were passed over wait in a temporary file."""

    def __init__(self, file: Readable, store: IO[bytes]) -> None:
        self.path = file.path
        self.waiting: dict[str, int] = {}
        """Image id -> place in the temporary file."""
        self._size = file.format.size
        self._n_classes = len(file.class_names)
        self._ignored = file.ignored
        self._rows = file.format.read(file.path)
        self._seen: set[str] = set()
        self._peeked: tuple[str, Labels] | None = None
        self._store = store

    def in_order(self) -> Iterator[str]:
        """Yield every image id of the file; its labels are there to be taken."""
        while (row := self._next()) is not None:
            self._peeked = row
            yield row[0]

    def all_ids(self) -> set[str]:
        """Read to the end and return every image id of the file."""
        while self._next() is not None:
            pass
        return self._seen

    def take(self, image_id: str) -> Labels | None:
        """Return the labels of an image, once; None when the file has no (second) row of it."""
        if self._peeked is not None and self._peeked[0] == image_id:
            _, labels = self._peeked
            self._peeked = None
            return labels
        if image_id in self.waiting:
            self._store.seek(self.waiting.pop(image_id))
            height, width = self._size
            waited = self._store.read(height * width)
            return np.frombuffer(waited, np.uint8).reshape(self._size)
        while (row := self._next()) is not None:
            if row[0] == image_id:
                return row[1]
            self.waiting[row[0]] = self._store.seek(0, 2)
            self._store.write(row[1].tobytes())
        return None

    def left(self) -> str | None:
        """Return an image that was not taken, or None."""
        row = self._next()
        return next(iter(self.waiting), row[0] if row is not None else None)

    def _next(self) -> tuple[str, Labels] | None:
        row = next(self._rows, None)
        if row is None:
            return None
        image_id, labels = row
        where = f"{self.path}: {image_id}"
        if image_id in self._seen:
            raise UsageError(f"{where} has two rows")
        self._seen.add(image_id)
        if labels.shape != self._size:
            found, expected = (" × ".join(map(str, size)) for size in (labels.shape, self._size))
            raise UsageError(f"{where}: the map is {found}, expected {expected}")
        outside = labels[labels >= self._n_classes]
        outside = outside[outside != self._ignored] if self._ignored is not None else outside
        if outside.size:
            raise UsageError(
                f"{where}: label {outside.max()} is outside the {self._n_classes} classes"
            )
        return row
