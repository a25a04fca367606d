"""What the commands print: results on stdout, progress and logs on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from toolkit.cli.table_layout import GAP, column_widths, row_lines, widest_line, wrap
from toolkit.cli.terminal_text import visible_json, visible_text
from toolkit.errors import TrashError
from toolkit.files import finite
from toolkit.progress import Bar, Progress

# Without a terminal rich would wrap at 80 columns and break lines that other programs read.
_PIPE_WIDTH = 160
_SECONDS_BETWEEN_LINES = 20.0
_ROOM_FOR_REMAINING = 100
"""Columns of a terminal from which on a bar has room for the time that remains."""
_SHORTEST_BAR = 12
_NARROWEST_TEXT = 32
"""Columns of a terminal in which sentences are still pleasant to read."""


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    wide = _PIPE_WIDTH if _is_piped(stream) else None
    # Without emoji=False a path such as "a:key:b" would lose its middle to a picture.
    return Console(file=stream, width=wide, highlight=False, soft_wrap=False, emoji=False)


def _is_piped(stream: TextIO) -> bool:
    """Whether nobody says how wide the lines are to be."""
    return not stream.isatty() and "COLUMNS" not in os.environ


def print_result(text: str) -> None:
    """Print one line of result on stdout, unwrapped."""
    print(visible_text(text))


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout; paths become strings, NaN and infinity null."""
    # JSON knows no NaN, and a terminal that knows no Unicode gets escapes.
    plain = "utf" not in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    print(json_text(value, plain=plain))


def json_text(value: Any, *, plain: bool = False) -> str:
    """Return `value` as `print_json` prints it; `plain`: in ASCII alone."""
    return visible_json(json.dumps(finite(value), indent=2, ensure_ascii=plain, default=str))


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[object]], *, numeric: Collection[str] = ()
) -> None:
    """Print a table on stdout; the columns named in `numeric` are aligned to the right.

    Columns become narrower where it does not fit, see `toolkit.cli.table_layout`. Where that is not
    enough, each row becomes a paragraph under the first column.
    """
    console = _console(stderr=False)
    texts = [[cell_text(value) for value in row] for row in rows]
    right = [column in numeric for column in columns]
    columns = [visible_text(column) for column in columns]
    widths = column_widths(columns, texts, right, console.width)
    if widths is None:
        print_entries({"": [(row[0], list(zip(columns, row, strict=True))[1:]) for row in texts]})
        return
    _print_row(console, columns, widths, right, style="bold")
    for row in texts:
        _print_row(console, row, widths, right)


def print_split_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Collection[str] = ()
) -> None:
    """Print a table; columns that have no room stand in further tables below it.

    Each begins with the first column and has as many of the others as the screen has room for.
    """
    width = _console(stderr=False).width
    start = 1
    while start < len(columns):
        stop = len(columns) + 1
        fits = None
        while fits is None and stop > start + 1:
            stop -= 1
            heads, *texts = ([row[0], *row[start:stop]] for row in (columns, *rows))
            fits = column_widths(heads, texts, [head in numeric for head in heads], width)
        if start > 1:
            print_result("")
        print_table(heads, texts, numeric=numeric)
        start = stop


def _print_row(
    console: Console,
    cells: Sequence[str],
    widths: Sequence[int],
    right: Sequence[bool],
    style: str = "",
) -> None:
    for line in row_lines(cells, widths, right):
        console.print(Text(line, style), soft_wrap=True)


def print_paragraphs(text: str) -> None:
    """Print prose on stdout, such as a docstring: the screen alone breaks its lines.

    Lines that are indented stay lines of their own.
    """
    console = _console(stderr=False)
    for line in re.sub(r"(?<!\n)\n(?![\s])", " ", visible_text(text)).split("\n"):
        for part in [line] if _is_piped(sys.stdout) else wrap(line, console.width):
            console.print(Text(part), soft_wrap=True)


Entry = tuple[str, str | Sequence[tuple[str, str]]]


def print_entries(groups: Mapping[str, Sequence[Entry]]) -> None:
    """Print names with what is to say of each, under the headings of their groups, on stdout.

    Args:
        groups: heading ("" = none) -> (name, text or (label, text) pairs). A text stands beside its
            name when there is room, else below it, as pairs always do.
    """
    console = _console(stderr=False)
    groups = {visible_text(heading): [*map(_entry, entries)] for heading, entries in groups.items()}
    names = [name for entries in groups.values() for name, text in entries if isinstance(text, str)]
    width = max(map(cell_len, names), default=0)
    beside = width + 2 * GAP + _NARROWEST_TEXT <= console.width
    for heading, entries in groups.items():
        indent = GAP if heading else 0
        if heading:
            console.print(Text(heading, style="bold"))
        for name, text in entries:
            if isinstance(text, str) and beside:
                _print_beside(console, indent, name, width, text)
                continue
            console.print(Text(" " * indent + name), soft_wrap=True)
            pairs = [("", text)] if isinstance(text, str) else text
            label_width = max((cell_len(label) for label, _ in pairs), default=0)
            for label, value in pairs:
                if value:
                    inner = indent + GAP if label_width else indent
                    _print_beside(console, inner, label, label_width, value)


def _entry(entry: Entry) -> Entry:
    name, text = entry
    if isinstance(text, str):
        return visible_text(name), visible_text(text)
    return visible_text(name), [(visible_text(label), visible_text(value)) for label, value in text]


def _print_beside(console: Console, indent: int, name: str, width: int, text: str) -> None:
    left = indent + width
    # grep and its like read lines: where nobody looks at them they are not broken.
    room = widest_line(text) if _is_piped(sys.stdout) else console.width - left - GAP
    widths = (left, max(room, 1))
    _print_row(console, (" " * indent + name, text), widths, (False, False))


def cell_text(value: object) -> str:
    """Return a value as tables show it."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return "-" if value != value else f"{value:.4f}"
    return visible_text(str(value))


def note(text: str) -> None:
    """Print one line of log on stderr."""
    _console(stderr=True).print(visible_text(text), markup=False, soft_wrap=True)


def note_items(label: str, items: Sequence[str]) -> None:
    """Print a label and short items on stderr, broken between items where a line is full."""
    console, line = _console(stderr=True), f"{label}:"
    for number, item in enumerate(map(visible_text, items), start=1):
        piece = item if number == len(items) else f"{item},"
        if cell_len(line) + 1 + cell_len(piece) > console.width:
            console.print(line, markup=False, soft_wrap=True)
            line = " " * GAP + piece
        else:
            line += f" {piece}"
    console.print(line, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """Print one line of warning on stderr."""
    _console(stderr=True).print(f"[yellow]warning:[/] {_plain(text)}", soft_wrap=True)


def print_error(error: TrashError) -> None:
    """Print an error and its hint on stderr."""
    console = _console(stderr=True)
    console.print(f"[bold red]error:[/] {_plain(error.message)}", soft_wrap=True)
    if error.hint:
        for line in error.hint.splitlines():
            console.print(f"  {_plain(line)}", soft_wrap=True)


def _plain(text: str) -> str:
    """Return text of others for a place where rich looks for its markup."""
    return escape(visible_text(text))


def make_progress() -> Progress:
    """Return bars and tables on a terminal, plain lines otherwise."""
    return _TerminalProgress() if sys.stderr.isatty() else _LineProgress()


def _figures(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {_short(value)}" for name, value in figures.items())


def _short(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return visible_text(str(value))
    if value != value:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"
    return f"{value:.2e}"


class _PrintedRows:
    """Lines of a table whose rows arrive one by one, under a header printed when columns change."""

    def __init__(self) -> None:
        self._columns: tuple[str, ...] = ()

    def lines(self, figures: Mapping[str, int | float | str]) -> list[str]:
        widths = [max(len(name), 9) for name in figures]
        line = "  ".join(
            _short(value).rjust(width)
            for value, width in zip(figures.values(), widths, strict=True)
        )
        if tuple(figures) == self._columns:
            return [line]
        self._columns = tuple(figures)
        header = "  ".join(name.rjust(width) for name, width in zip(figures, widths, strict=True))
        return [header, line]


class _TerminalProgress:
    def __init__(self) -> None:
        self._console = _console(stderr=True)
        self._rows = _PrintedRows()

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        description = visible_text(description)
        columns = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}{task.fields[figures]}", markup=False),
            TimeElapsedColumn(),
        ]
        texts = (description, f"{total}/{total}", unit, *["0:00:00"] * 2)
        room = self._console.width - _SHORTEST_BAR - sum(cell_len(text) + 1 for text in texts)
        if self._console.width >= _ROOM_FOR_REMAINING:
            columns.append(TimeRemainingColumn())
        else:
            room += len(" 0:00:00")
        progress = RichProgress(*columns, console=self._console, transient=True)
        with progress:
            task = progress.add_task(description, total=total, unit=unit, figures="")
            yield _TerminalBar(progress, task, room)

    def row(self, figures: Mapping[str, int | float | str]) -> None:
        for line in self._rows.lines(figures):
            self._console.print(line, markup=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(visible_text(text), markup=False, soft_wrap=True)


class _TerminalBar:
    def __init__(self, progress: RichProgress, task: Any, room: int) -> None:
        self._progress = progress
        self._task = task
        self._room = room
        self._figures: Mapping[str, float] = {}

    def advance(self, amount: int = 1, **figures: float) -> None:
        self._figures = figures or self._figures
        speed = self._progress.tasks[0].speed
        shown = ""
        # As much as fits, the first one first: a cut number would be a wrong one.
        for text in (
            *(_figures({name: value}) for name, value in self._figures.items()),
            *([f"{speed:.1f}/s"] if speed else []),
        ):
            if cell_len(shown) + 2 + cell_len(text) > self._room:
                break
            shown += f"  {text}"
        self._progress.update(self._task, advance=amount, figures=shown)


class _LineProgress:
    """For logs: plain lines, and news of a bar only when it takes long."""

    def __init__(self) -> None:
        self._rows = _PrintedRows()

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        yield _LineBar(self, description, total, unit)

    def row(self, figures: Mapping[str, int | float | str]) -> None:
        for line in self._rows.lines(figures):
            self.say(line)

    def say(self, text: str) -> None:
        print(visible_text(text), file=sys.stderr, flush=True)


class _LineBar:
    def __init__(self, progress: _LineProgress, description: str, total: int, unit: str) -> None:
        self._progress = progress
        self._description = description
        self._of = f"{total} {unit}"
        self._done = 0
        self._next = time.monotonic() + _SECONDS_BETWEEN_LINES

    def advance(self, amount: int = 1, **figures: float) -> None:
        self._done += amount
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_LINES
            text = f"{self._description}: {self._done}/{self._of}"
            self._progress.say(f"{text}  {_figures(figures)}".rstrip())
