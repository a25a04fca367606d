"""A submission file row by row: what was read, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.files import open_regular

_BLOCK = 1 << 20
_FIELD = re.compile(rb'(?:"([^"]*(?:""[^"]*)*)"|([^",]*))(,|\Z)')


@dataclass(frozen=True)
class RowProblem:
    """One thing that is wrong with a submission file.

    Attributes:
        message: what is wrong.
        row: line of the file, from 1 (the header), or None when it concerns the whole file.
        column: position of the label (or other unit) in its row, from 1.
        image_id: the row's image, empty when unknown.
        unit: what `column` counts.
    """

    message: str
    row: int | None = None
    column: int | None = None
    image_id: str = ""
    unit: str = "label"

    def __str__(self) -> str:
        where = [f"row {self.row}"] if self.row else []
        where += [f"{self.unit} {self.column}"] if self.column else []
        where += [self.image_id] if self.image_id else []
        return f"{', '.join(where)}: {self.message}" if where else self.message


@dataclass(frozen=True)
class ReadRow:
    """One row as far as it could be read.

    Attributes:
        row: line of the file, from 1.
        image_id: None when the row has none.
        labels: uint8 (H, W), or None when they are broken.
        problems: everything that is wrong with the row.
    """

    row: int
    image_id: str | None = None
    labels: NDArray[np.uint8] | None = None
    problems: tuple[RowProblem, ...] = ()


@dataclass(frozen=True)
class Line:
    """One line of a file; `end` is its line end, and `cut` says that it was too long to be kept."""

    row: int
    content: bytes
    end: bytes
    cut: bool = False


def read_lines(path: Path, longest: int) -> Iterator[Line]:
    """Yield the lines of a file of any size, holding at most `longest` bytes of one at a time.

    Raises:
        UsageError: the file cannot be opened.
    """
    with open_regular(path, "submission") as file:
        row = 0
        while content := file.readline(longest):
            row += 1
            cut = len(content) == longest and not content.endswith(b"\n")
            if cut:
                while (rest := file.readline(_BLOCK)) and not rest.endswith(b"\n"):
                    pass
            end = next((end for end in (b"\r\n", b"\n") if content.endswith(end)), b"")
            yield Line(row, content[: len(content) - len(end)], end, cut)


def split_fields(content: bytes, most: int = 3) -> list[bytes] | None:
    """Return the fields of one CSV line, at most `most`; None when a quote is out of place."""
    if b'"' not in content:
        return content.split(b",", most - 1)
    fields: list[bytes] = []
    position, more = 0, True
    while more and len(fields) < most:
        match = _FIELD.match(content, position)
        if match is None:
            return None
        fields.append(_unquote(match))
        position, more = match.end(), match[3] == b","
    return fields


def misplaced_quote(content: bytes) -> int:
    """Return the position, from 1, of the quote for which `split_fields` refuses a line."""
    position = 0
    while (match := _FIELD.match(content, position)) and match[3]:
        position = match.end()
    return content.find(b'"', position) + 1


def _unquote(field: re.Match[bytes]) -> bytes:
    quoted, plain = field[1], field[2]
    return plain if quoted is None else quoted.replace(b'""', b'"')


def read_ids(path: Path) -> tuple[str, ...]:
    """Return the first column of a CSV file that others wrote, without its header.

    Raises:
        UsageError: the file cannot be opened, or an id is not UTF-8 text or badly quoted.
    """
    ids = []
    for line in read_lines(path, _BLOCK):
        # Only the first field counts: any line end, and a second field cut short, will do.
        match = _FIELD.match(line.content)
        if line.row == 1 or not line.content:
            continue
        if match is None:
            raise UsageError(f"{path}: row {line.row}: a quote is out of place")
        try:
            ids.append(_unquote(match).decode())
        except UnicodeDecodeError:
            raise UsageError(f"{path}: row {line.row}: the image id is not UTF-8 text") from None
    return tuple(ids)


def quote_field(text: str) -> bytes:
    """Return a field as the csv module writes it: quoted only where it must be.

    Raises:
        UsageError: the text holds a line break, or cannot be written as UTF-8.
    """
    if "\n" in text or "\r" in text:
        raise UsageError(f"{text!r} holds a line break and cannot be written to a CSV file")
    quoted = text
    if '"' in text or "," in text:
        quoted = '"' + text.replace('"', '""') + '"'
    try:
        return quoted.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{text!r} cannot be written as UTF-8") from None


def header_line(columns: Sequence[str]) -> bytes:
    """Return the header of a CSV file, without its line end."""
    return b",".join(quote_field(column) for column in columns)
