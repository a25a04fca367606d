"""The list of label suspects: a CSV file that people review and `data.exclude` reads."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Literal, get_args

from toolkit.data.csv_table import CsvTable, TableRow, read_csv_table
from toolkit.errors import UsageError
from toolkit.files import is_file, write_text_atomic
from toolkit.suggestions import did_you_mean
from toolkit.wording import counted, some_of

SuspectKind = Literal["label", "extra", "missing"]
"""What may be wrong: an object of another class, one where nothing is, none where one is."""

Verdict = Literal["", "wrong", "right"]
"""What a reviewer says of a row; empty = nobody looked at it yet."""

PixelBox = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the photo."""

WRONG = "wrong"
_NEEDED = ("image", "annotation", "label", "left", "top", "width", "height", "verdict")
_COLUMNS = (
    *("image", "annotation", "kind", "label", "suspected", "doubt"),
    *("left", "top", "width", "height", "area", "verdict"),
)


@dataclass(frozen=True)
class Suspect:
    """A label that predictions doubt.

    Attributes:
        image: `file_name` of the photo.
        annotation: its id in the file; None for a region of a mask, and where none is.
        kind: what may be wrong.
        label: name of the class that it has.
        suspected: name of the class that it may be.
        doubt: 0…1, see `toolkit.metrics.label_doubt`.
        box: around its pixels.
        area: its pixels that are seen.
    """

    image: str
    annotation: int | None
    kind: SuspectKind
    label: str
    suspected: str
    doubt: float
    box: PixelBox
    area: int


@dataclass(frozen=True)
class ReviewedLabel:
    """A row of a list as `data.exclude` reads it.

    Attributes:
        line: of the file.
        image: `file_name` of the photo.
        annotation: its id; None = the pixels of `label` in `box`.
        label: name of its class.
        box: around it, pixels of the photo.
        verdict: the reviewer's.
    """

    line: int
    image: str
    annotation: int | None
    label: str
    box: PixelBox
    verdict: Verdict


def refuse_reviewed(path: Path) -> None:
    """Refuse to write a list where one with verdicts is.

    Raises:
        UsageError: it has some, or is another file.
    """
    if not is_file(path):
        return
    reviewed = sum(bool(row.verdict) for row in read_reviewed(path))
    if reviewed:
        raise UsageError(
            f"{path} has {counted(reviewed, 'verdict', 'verdicts')} of a reviewer",
            "Write the new list elsewhere: -o reports/NAME.html puts NAME.csv beside it.",
        )


def write_suspects(path: Path, suspects: Sequence[Suspect]) -> None:
    """Write a list without verdicts; one that is there is replaced, see `refuse_reviewed`.

    Raises:
        TrashError: the disk refused.
    """
    table = StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for each in suspects:
        annotation = "" if each.annotation is None else each.annotation
        what = (each.image, annotation, each.kind, each.label, each.suspected)
        rows.writerow((*what, f"{each.doubt:.4f}", *each.box, each.area, ""))
    write_text_atomic(path, table.getvalue())


def read_reviewed(path: Path) -> list[ReviewedLabel]:
    """Return the rows of a list; columns that exclusion does not need may be missing.

    Raises:
        UsageError: it is no CSV file, lacks a column, or rows hold no numbers or another verdict.
    """
    table = read_csv_table(path)
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise UsageError(
            f"{path}: a list of label suspects needs the columns {', '.join(missing)}; it has "
            f"{some_of(table.columns, 12) or 'none'}",
            "trash data suspects RUN writes one: fill in its column verdict, and save it as CSV "
            "with commas.",
        )
    _refuse_other_verdicts(table)
    wrong: list[str] = []
    rows = list(_reviewed(table, wrong))
    if wrong:
        raise UsageError(
            f"{path}: {counted(len(wrong), 'row is', 'rows are')} no suspect: {some_of(wrong, 3)}",
            "annotation is an id or empty, left, top, width and height are whole numbers of "
            "pixels.",
        )
    return rows


def _refuse_other_verdicts(table: CsvTable) -> None:
    known = get_args(Verdict)
    odd = [row for row in table.rows if _verdict(row) not in known]
    if odd:
        shown = some_of([f"line {row.line}: {row.texts['verdict'][:40]!r}" for row in odd], 3)
        near = did_you_mean(_verdict(odd[0]), [word for word in known if word], limit=0)
        raise UsageError(
            f"{table.path}: {counted(len(odd), 'verdict is', 'verdicts are')} none: {shown}",
            f"{near} A verdict is wrong, right or empty.".strip(),
        )


def _verdict(row: TableRow) -> str:
    return row.texts["verdict"].strip().lower()


def _reviewed(table: CsvTable, wrong: list[str]) -> Iterator[ReviewedLabel]:
    """Yield the rows; what is no number is told in `wrong`."""
    for row in table.rows:
        texts = row.texts
        try:
            number = texts["annotation"].strip()
            left, top, width, height = (int(texts[name]) for name in _NEEDED[3:7])
            if min(left, top) < 0 or min(width, height) < 1:
                raise ValueError
            yield ReviewedLabel(
                row.line,
                texts["image"],
                int(number) if number else None,
                texts["label"],
                (left, top, width, height),
                _verdict(row),  # type: ignore[arg-type]  # the others were refused
            )
        except ValueError:
            wrong.append(f"line {row.line}")
