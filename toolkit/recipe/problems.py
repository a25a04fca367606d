"""Mistakes in recipes, each with the place where it was written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Origin:
    """Where a value comes from: a line of a file, or a word such as "--set" or "default"."""

    file: Path | None = None
    line: int | None = None
    word: str = ""

    def __str__(self) -> str:
        if self.file is None:
            return self.word
        name = shown_path(self.file)
        return f"{name}:{self.line}" if self.line is not None else name


DEFAULT = Origin(word="default")


@dataclass(frozen=True)
class RecipeProblem:
    """One mistake in a recipe."""

    origin: Origin
    key: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = self.message if self.message.endswith((".", "?", "!")) else f"{self.message}."
        hint = " ".join(self.hint.splitlines())
        where = f"{self.origin}  {self.key}".strip()
        return f"  {where}\n    {text} {hint}".rstrip()


class RecipeError(UsageError):
    """All mistakes of one recipe."""

    def __init__(self, path: Path, problems: Sequence[RecipeProblem]) -> None:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        lines = "\n".join(str(problem) for problem in problems)
        super().__init__(f"{shown_path(path)} has {count}\n{lines}")
        self.path = path
        self.problems = tuple(problems)


def dotted(path: Iterable[str | int]) -> str:
    """Return a key path as users write it: `augment.train.0.p`."""
    return ".".join(str(part) for part in path)


def shown_path(path: Path) -> str:
    """Return the path relative to the working folder when that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
