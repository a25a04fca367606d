"""Checking that a submission file is exactly what the leaderboard expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.files import digest_of
from toolkit.formats.rows import ReadRow, RowProblem
from toolkit.metrics.counts import count_keys
from toolkit.plugin.interfaces import SubmissionFormat
from toolkit.suggestions import did_you_mean
from toolkit.wording import part_of

_COLLAPSED = 0.999
# Looking for the nearest name takes milliseconds, and one answer explains all of them.
_SUGGESTIONS = 3


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        n_rows: images that the file holds.
        problems: what is wrong, in the order of the file; empty when the file is valid.
        complete: False when the check stopped at its limit of problems.
        warnings: what looks wrong in a file that is valid in form.
        class_shares: share of all readable pixels that each label has (sums to 1), index = label;
            empty when nothing could be read.
        labels_digest: digest of all images and their labels, whatever the order of rows.
    """

    n_rows: int
    problems: tuple[RowProblem, ...]
    complete: bool
    warnings: tuple[str, ...]
    class_shares: tuple[float, ...]
    labels_digest: str

    @property
    def valid(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@runtime_checkable
class Inspectable(Protocol):
    """A format whose reader can go on after a problem."""

    def inspect(self, path: Path) -> Iterator[ReadRow]:
        """Yield every row as far as it can be read, with its problems."""
        ...


def check_submission(
    path: Path,
    format: SubmissionFormat,
    expected_ids: Sequence[str],
    n_classes: int,
    limit: int = 50,
) -> CheckReport:
    """Read a submission file as a stream and collect what is wrong with it.

    Args:
        path: the file.
        format: how it is written. One without `inspect` is checked up to its first problem.
        expected_ids: ids of the images in the order of the rows.
        n_classes: number of labels.
        limit: stop after so many problems.

    Raises:
        UsageError: the file cannot be opened.
    """
    problems: list[RowProblem] = []
    rows = _CheckedRows(expected_ids)
    counts = np.zeros(256, np.int64)
    digests: list[str] = []
    complete = True
    for row in _rows(path, format):
        problems.extend(row.problems)
        if row.image_id is not None:
            problems.extend(rows.add(row.image_id, row.row))
        if row.labels is not None:
            problems.extend(_label_problems(row, row.labels, format.size, n_classes))
            counts += count_keys(row.labels)
            digests.append(
                digest_of(row.image_id or "", str(row.labels.shape), row.labels.tobytes())
            )
        if len(problems) >= limit:
            complete = False
            break
    if complete:
        problems.extend(rows.missing_or_misplaced())
    total = int(counts.sum())
    shares = tuple((counts[:n_classes] / total).tolist()) if total else ()
    warnings = tuple(
        f"label {label} covers {share:.1%} of all pixels: have the predictions collapsed?"
        for label, share in enumerate(shares)
        if share >= _COLLAPSED
    )
    return CheckReport(
        n_rows=rows.n_rows,
        problems=tuple(problems[:limit]),
        complete=complete,
        warnings=warnings,
        class_shares=shares,
        labels_digest=digest_of(*sorted(digests)),
    )


def _rows(path: Path, format: SubmissionFormat) -> Iterator[ReadRow]:
    if isinstance(format, Inspectable):
        yield from format.inspect(path)
        return
    row = 1
    try:
        for row, (image_id, labels) in enumerate(format.read(path), start=2):
            yield ReadRow(row, image_id, labels)
    except TrashError as error:
        yield ReadRow(row + 1, problems=(RowProblem(error.message),))


def _label_problems(
    row: ReadRow, labels: NDArray[np.uint8], size: tuple[int, int], n_classes: int
) -> Iterator[RowProblem]:
    image_id = row.image_id or ""
    if labels.shape != size:
        found = " × ".join(map(str, labels.shape))
        yield RowProblem(
            f"the map is {found}, expected {size[0]} × {size[1]}", row.row, None, image_id
        )
    outside = np.flatnonzero(labels >= n_classes)
    if outside.size:
        label = int(labels.ravel()[outside[0]])
        yield RowProblem(
            f"label {label} is outside the {n_classes} classes (0…{n_classes - 1})",
            row.row,
            int(outside[0]) + 1,
            image_id,
        )


class _CheckedRows:
    """The image ids met so far, against those expected."""

    def __init__(self, expected_ids: Sequence[str]) -> None:
        self._expected = dict.fromkeys(expected_ids)
        self._row_of: dict[str, int] = {}
        self._suggested = 0
        self.n_rows = 0

    def add(self, image_id: str, row: int) -> Iterator[RowProblem]:
        self.n_rows += 1
        if image_id in self._row_of:
            message = f"the image is already in row {self._row_of[image_id]}"
            yield RowProblem(message, row, None, image_id)
            return
        self._row_of[image_id] = row
        if image_id not in self._expected:
            near = ""
            if self._suggested < _SUGGESTIONS:
                self._suggested += 1
                near = did_you_mean(image_id, self._expected, limit=3)
            yield RowProblem(f"not an image of the test set. {near}".rstrip(), row, None, image_id)

    def missing_or_misplaced(self) -> Iterator[RowProblem]:
        missing = [image_id for image_id in self._expected if image_id not in self._row_of]
        if missing:
            shown = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
            images, has = ("image", "images"), ("has", "have")
            of = f"{part_of(len(missing), len(self._expected), images, has)} no row"
            row = self._row_after(missing[0])
            place = f"; the first belongs before row {row}" if row is not None else ""
            yield RowProblem(f"{of}: {shown}{place}")
        found = [image_id for image_id in self._row_of if image_id in self._expected]
        expected = [image_id for image_id in self._expected if image_id in self._row_of]
        misplaced = [pair for pair in zip(found, expected, strict=True) if pair[0] != pair[1]]
        if misplaced:
            image_id, instead = misplaced[0]
            yield RowProblem(
                f"wrong order from here on: expected {instead} ({len(misplaced)} rows misplaced)",
                self._row_of[image_id],
                None,
                image_id,
            )

    def _row_after(self, missing: str) -> int | None:
        """Return the row of the next image that has one; None at the end of the file."""
        expected = tuple(self._expected)
        later = expected[expected.index(missing) :]
        return next((self._row_of[each] for each in later if each in self._row_of), None)
