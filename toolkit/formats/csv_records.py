"""The rows of a CSV submission as fields, each with what is wrong with its form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.formats.rows import (
    Line,
    RowProblem,
    header_line,
    misplaced_quote,
    read_lines,
    split_fields,
)

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Record:
    """One line of a CSV file.

    Attributes:
        row: line of the file, from 1.
        fields: one per column, unquoted; None for the header and for a line without them.
        problems: what is wrong with the form of the line.
    """

    row: int
    fields: list[bytes] | None
    problems: tuple[RowProblem, ...] = ()


def read_records(path: Path, columns: Sequence[str], longest: int) -> Iterator[Record]:
    """Yield every line of a CSV file that need not fit into memory, the header first.

    The form is that of pandas' `to_csv(index=False)`: UTF-8 without a mark, lines that end with a
    line feed alone, the last one too. Windows line ends are told once.

    Args:
        path: the file.
        columns: names in the header; every row must have as many fields.
        longest: bytes of a line that are read; a longer one is a problem.

    Raises:
        UsageError: the file cannot be opened.
    """
    told_windows = False
    row = 0
    for line in read_lines(path, longest):
        row = line.row
        problems = list(_line_problems(line, told_windows))
        told_windows = told_windows or line.end == b"\r\n"
        if row == 1:
            yield Record(row, None, (*_header_problems(line, columns), *problems))
            continue
        fields = None if line.cut else split_fields(line.content, len(columns) + 1)
        if fields is None or len(fields) != len(columns):
            problems.insert(0, RowProblem(_broken(line, fields, columns), row))
            fields = None
        yield Record(row, fields, tuple(problems))
    if row == 0:
        message = f"the file is empty; expected {header_line(columns).decode()}"
        yield Record(1, None, (RowProblem(message, 1),))


def _line_problems(line: Line, told_windows: bool) -> Iterator[RowProblem]:
    if line.end == b"\r\n" and not told_windows:
        yield RowProblem(
            "Windows line end (\\r\\n); the format ends lines with \\n alone", line.row
        )
    elif not line.end and not line.cut:
        yield RowProblem("no line end after the last row: the file may be cut off", line.row)


def _header_problems(line: Line, columns: Sequence[str]) -> Iterator[RowProblem]:
    content = line.content
    if content.startswith(_BOM):
        yield RowProblem("the file begins with a byte order mark (BOM)", 1)
        content = content[len(_BOM) :]
    if split_fields(content, len(columns) + 1) != [column.encode() for column in columns]:
        found = content[:60].decode("utf-8", errors="replace")
        yield RowProblem(f"the header is '{found}', expected '{header_line(columns).decode()}'", 1)


def _broken(line: Line, fields: list[bytes] | None, columns: Sequence[str]) -> str:
    if line.cut:
        return f"the row is longer than {len(line.content):,} bytes"
    if not line.content:
        return "empty line"
    if fields is None:
        where = misplaced_quote(line.content)
        return f"the quote at byte {where} of the row is out of place or not closed"
    expected = header_line(columns).decode()
    if len(fields) > len(columns):
        return f"field {len(fields)} is one too many; expected {expected}"
    return f"field {len(fields) + 1} is missing: expected {expected}"
