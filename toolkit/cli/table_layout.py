"""Lines of a table for a screen of some width: columns become narrower, words stay whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells

GAP = 2
"""Blanks between columns."""
_LONGEST_PIECE = 28
"""Longer words without any place to break them may be broken anywhere."""
_PIECE = re.compile(r"[^/,;:=+@*_-]*[/,;:=+@*_-]+|[^/,;:=+@*_-]+")
"""Part of a word such as a path, after which a line may end if the word is longer than a line."""


def column_widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], width: int
) -> list[int] | None:
    """Return how wide each column is; None when not even broken words make the table fit.

    Numbers are never broken. Headings that are longer than what stands below them are broken first,
    the longest before the others; names in the first column and long words only where the table
    would not fit otherwise.

    Args:
        columns: headings.
        rows: cells.
        numeric: whether a column holds numbers.
        width: of the screen.
    """
    room = width - GAP * (len(columns) - 1)
    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    widths = [
        max(map(widest_line, (head, *cell))) for head, cell in zip(columns, cells, strict=True)
    ]
    for broken in (False, True):
        narrowest = [
            max(
                _narrowest(head, broken=broken),
                *(
                    widest_line(text)
                    if numeric[number] or (number == 0 and not broken)
                    else _narrowest(text, broken=broken)
                    for text in cell
                ),
                0,
            )
            for number, (head, cell) in enumerate(zip(columns, cells, strict=True))
        ]
        if sum(narrowest) <= room:
            _break_headings(columns, cells, widths, room)
            while sum(widths) > room:
                widest = max(
                    range(len(widths)), key=lambda i: (widths[i] > narrowest[i], widths[i])
                )
                widths[widest] -= 1
            return widths
    return None


def _break_headings(
    columns: Sequence[str], cells: Sequence[Sequence[str]], widths: list[int], room: int
) -> None:
    """Give headings two lines, the longest first, until the table fits or none is left."""
    for number in sorted(range(len(columns)), key=lambda number: -widths[number]):
        if sum(widths) <= room:
            return
        body = max(map(widest_line, cells[number]), default=0)
        head = columns[number]
        possible = (n for n in range(1, widths[number]) if _fits_two_lines(head, n))
        two_lines = next(possible, widths[number])
        widths[number] = max(body, two_lines)


def _fits_two_lines(head: str, width: int) -> bool:
    return _narrowest(head, broken=False) <= width and len(wrap(head, width)) <= 2


def row_lines(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    """Return the lines of one row; columns with `right` are aligned to the right."""
    wrapped = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for number in range(max(map(len, wrapped))):
        line = ""
        for parts, width, to_right in zip(wrapped, widths, right, strict=True):
            part = parts[number] if number < len(parts) else ""
            blank = " " * (width - cell_len(part))
            line += (blank + part if to_right else part + blank) + " " * GAP
        lines.append(line.rstrip())
    return lines


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a text that are at most `width` cells wide.

    Lines end between words; a word that is longer than a line ends it after one of / , ; : = + @ *
    _ - where it has one.
    """
    return [line for paragraph in text.split("\n") for line in _wrap_line(paragraph, width)]


def _wrap_line(text: str, width: int) -> list[str]:
    if cell_len(text) <= width:
        return [text.rstrip()]
    indent = " " * (len(text) - len(text.lstrip(" ")))
    lines, line = [], indent
    for word in text.split():
        blank = "" if line.isspace() or not line else " "
        if cell_len(line + blank + word) <= width:
            line += blank + word
            continue
        if blank:
            lines.append(line)
            line = ""
        for piece in _pieces(word, width):
            if line.strip() and cell_len(line + piece) > width:
                lines.append(line)
                line = ""
            line += piece
    return [*lines, line]


def _pieces(word: str, width: int) -> list[str]:
    if cell_len(word) <= width:
        return [word]
    return [
        part
        for piece in _PIECE.findall(word)
        for part in (chop_cells(piece, width) if cell_len(piece) > width else [piece])
    ]


def _narrowest(text: str, *, broken: bool) -> int:
    words = text.split()
    if not broken:
        return max(map(cell_len, words), default=0)
    pieces = (cell_len(piece) for word in words for piece in _PIECE.findall(word))
    return min(max(pieces, default=0), _LONGEST_PIECE)


def widest_line(text: str) -> int:
    """Return the cells of the longest line of a text."""
    return max(map(cell_len, text.split("\n")), default=0)
