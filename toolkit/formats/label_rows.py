"""Checks of labels that every format makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.resize import Sampling
from toolkit.errors import TrashError, UsageError
from toolkit.formats.rows import ReadRow, RowProblem
from toolkit.plugin.interfaces import SubmissionFormat, TakesNearest


def sampling_of(format: SubmissionFormat) -> Sampling:
    """Return how labels get the size of a format's files: truth and predictions alike.

    A format that names no rule has that of the contest, "corner".
    """
    return Sampling(format.size, format.nearest if isinstance(format, TakesNearest) else "corner")


def fitted_labels(
    image_id: str, labels: NDArray[np.uint8], sampling: Sampling, n_classes: int
) -> NDArray[np.uint8]:
    """Return the labels of an image at the size of the file.

    Args:
        image_id: named in errors.
        labels: uint8 (H, W).
        sampling: that of the format.
        n_classes: every label must be below it.

    Raises:
        TrashError: they are not uint8 or outside the classes.
    """
    largest = int(labels.max())
    if labels.dtype != np.uint8 or largest >= n_classes:
        raise TrashError(
            f"{image_id}: labels must be uint8 below {n_classes}, got {labels.dtype} up to "
            f"{largest}"
        )
    return sampling(labels)


def read_row(row: int, image_id: str, labels: NDArray[np.uint8], n_classes: int) -> ReadRow:
    """Return a row with labels, or with the first one that is no class as its problem."""
    flat = labels.ravel()
    if int(flat.max()) < n_classes:
        return ReadRow(row, image_id, labels)
    outside = np.flatnonzero(flat >= n_classes)
    message = f"label {flat[outside[0]]} is outside the {n_classes} classes (0…{n_classes - 1})"
    if outside.size > 1:
        message += f"; {outside.size - 1:,} more like it in this row"
    return ReadRow(row, image_id, None, (RowProblem(message, row, int(outside[0]) + 1, image_id),))


def valid_rows(path: Path, rows: Iterable[ReadRow]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield (image id, labels) of a file until a row has a problem.

    Raises:
        UsageError: the first problem, with its row and column.
    """
    for row in rows:
        if row.problems:
            raise UsageError(
                f"{path}: {row.problems[0]}", f"See all problems: trash submission check {path}"
            )
        if row.image_id is not None and row.labels is not None:
            yield row.image_id, row.labels
