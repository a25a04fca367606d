"""What the commands print: results on stdout, progress and logs on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

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
from rich.table import Table

from toolkit.errors import TrashError
from toolkit.progress import Bar, Progress

# Without a terminal rich would wrap at 80 columns and break lines that other programs read.
_PIPE_WIDTH = 160
_SECONDS_BETWEEN_LINES = 20.0


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    wide = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    return Console(file=stream, width=wide, highlight=False, soft_wrap=False)


def print_result(text: str) -> None:
    """Print one line of result on stdout, as it is."""
    print(text)


def print_json(value: Any) -> None:
    """Print `value` as JSON on stdout; paths become strings."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    title: str | None = None,
    numeric: Collection[str] = (),
) -> None:
    """Print a table on stdout; the columns named in `numeric` are aligned to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        right = column in numeric
        table.add_column(
            column, justify="right" if right else "left", no_wrap=right, overflow="fold"
        )
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row))
    _console(stderr=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return "-" if value != value else f"{value:.4f}"
    return str(value)


def note(text: str) -> None:
    """Print one line of log on stderr."""
    _console(stderr=True).print(text, markup=False)


def warn(text: str) -> None:
    """Print one line of warning on stderr."""
    _console(stderr=True).print(f"[yellow]warning:[/] {escape(text)}")


def print_error(error: TrashError) -> None:
    """Print an error and its hint on stderr."""
    console = _console(stderr=True)
    console.print(f"[bold red]error:[/] {escape(error.message)}", soft_wrap=True)
    if error.hint:
        for line in error.hint.splitlines():
            console.print(f"  {escape(line)}", soft_wrap=True)


def make_progress() -> Progress:
    """Return bars and tables on a terminal, plain lines otherwise."""
    return _TerminalProgress() if sys.stderr.isatty() else _LineProgress()


def _figures(figures: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {_short(value)}" for name, value in figures.items())


def _short(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    if value != value:
        return "-"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"
    return f"{value:.2e}"


class _Rows:
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
        self._rows = _Rows()

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        progress = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}  {task.fields[rate]}{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        with progress:
            task = progress.add_task(description, total=total, unit=unit, rate="", figures="")
            yield _TerminalBar(progress, task)

    def row(self, figures: Mapping[str, int | float | str]) -> None:
        for line in self._rows.lines(figures):
            self._console.print(line, markup=False, soft_wrap=True)

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)


class _TerminalBar:
    def __init__(self, progress: RichProgress, task: Any) -> None:
        self._progress = progress
        self._task = task

    def advance(self, amount: int = 1, **figures: float) -> None:
        speed = self._progress.tasks[0].speed
        shown: dict[str, Any] = {"rate": f"{speed:.1f}/s" if speed else ""}
        if figures:
            shown["figures"] = "  " + _figures(figures)
        self._progress.update(self._task, advance=amount, **shown)


class _LineProgress:
    """For logs: plain lines, and news of a bar only when it takes long."""

    def __init__(self) -> None:
        self._rows = _Rows()

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        yield _LineBar(self, description, total, unit)

    def row(self, figures: Mapping[str, int | float | str]) -> None:
        for line in self._rows.lines(figures):
            self.say(line)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


class _LineBar:
    def __init__(self, progress: _LineProgress, description: str, total: int, unit: str) -> None:
        self._progress = progress
        self._text = f"{description}: {{done}}/{total} {unit}"
        self._done = 0
        self._next = time.monotonic() + _SECONDS_BETWEEN_LINES

    def advance(self, amount: int = 1, **figures: float) -> None:
        self._done += amount
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_LINES
            text = self._text.format(done=self._done)
            self._progress.say(f"{text}  {_figures(figures)}".rstrip())
