"""The valid name that somebody most likely meant: "Did you mean …?"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST_NAME = 200
"""Comparing two names takes time by the product of their lengths; nobody mistypes longer ones."""


def nearest(name: str, choices: Iterable[str]) -> str | None:
    """Return the choice that looks most like `name`, or None if none is close."""
    if len(name) > _LONGEST_NAME:
        return None
    choices = sorted({choice for choice in choices if len(choice) <= _LONGEST_NAME})
    by_folded = {choice.casefold(): choice for choice in reversed(choices)}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    if found:
        return by_folded[found[0]]
    containing = [choice for choice in choices if name and name.casefold() in choice.casefold()]
    return containing[0] if containing else None


def did_you_mean(name: str, choices: Iterable[str], limit: int = 12) -> str:
    """Return a hint: the nearest choice, or the choices themselves when they are few."""
    choices = sorted(set(choices))
    near = nearest(name, choices)
    if near is not None:
        return f"Did you mean {near}?"
    if 0 < len(choices) <= limit:
        return "Valid: " + ", ".join(choices)
    return ""
