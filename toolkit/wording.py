"""Counts and long lists of names in messages."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 5


def counted(count: int, one: str, several: str) -> str:
    """Return a number with what it counts: `counted(n, "image is", "images are")`."""
    return f"{count} {one if count == 1 else several}"


def part_of(part: int, total: int, noun: tuple[str, str], verb: tuple[str, str]) -> str:
    """Return "1 of 5 images has" for `part_of(1, 5, ("image", "images"), ("has", "have"))`."""
    return f"{part} of {counted(total, *noun)} {verb[part != 1]}"


def toml_array(names: Sequence[str]) -> str:
    """Return names as an array of a recipe, `["Paper", "Glass"]`, for messages to copy from."""
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


def some_of(names: Sequence[str], limit: int = _SHOWN) -> str:
    """Return the first names joined by commas, and how many more there are."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
