"""Counts and lists of names in messages."""

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


def name_differences(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Say how `others` differs from `names`, order included: "lacks …", "also has …".

    Returns:
        Phrases whose subject is `others`; none when both are equal.
    """
    if list(names) == list(others):
        return []
    ours, theirs = set(names), set(others)
    phrases = []
    if missing := [name for name in names if name not in theirs]:
        phrases.append("lacks " + some_of(missing))
    if extra := [name for name in others if name not in ours]:
        phrases.append("also has " + some_of(extra))
    if phrases or len(names) != len(others):
        return phrases or [f"has {len(others)} names instead of {len(names)}"]
    position = next(i for i, (a, b) in enumerate(zip(names, others, strict=True)) if a != b)
    return [f"has another order: {others[position]} at {position}, where {names[position]} was"]
