"""How the library reports progress; the command line supplies the implementation that draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol
from weakref import WeakKeyDictionary


class Bar(Protocol):
    """A running count of work done."""

    def advance(self, amount: int = 1, **figures: float) -> None:
        """Count `amount` more units; `figures` (loss, lr, …) replace those shown beside the bar."""
        ...


class Progress(Protocol):
    """Receives what a long task is doing."""

    def bar(self, description: str, total: int, unit: str) -> AbstractContextManager[Bar]:
        """Show a bar of `total` units ("images", …) while the context is open."""
        ...

    def row(self, figures: Mapping[str, int | float | str]) -> None:
        """Add a row to the table of figures (one row per epoch)."""
        ...

    def say(self, text: str) -> None:
        """Print one line of log."""
        ...


class _SilentBar:
    def advance(self, amount: int = 1, **figures: float) -> None:
        pass


class SilentProgress:
    """A `Progress` that shows nothing."""

    @contextmanager
    def bar(self, description: str, total: int, unit: str) -> Iterator[Bar]:
        yield _SilentBar()

    def row(self, figures: Mapping[str, int | float | str]) -> None:
        pass

    def say(self, text: str) -> None:
        pass


_said: WeakKeyDictionary[Progress, set[str]] = WeakKeyDictionary()


def say_once(progress: Progress, text: str) -> None:
    """Print one line of log, unless this `progress` (so this command) has said the same before."""
    said = _said.setdefault(progress, set())
    if text not in said:
        said.add(text)
        progress.say(text)
