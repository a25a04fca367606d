"""Describing how two lists of names differ."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.wording import some_of


def differences(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return how `others` differs from `names`, order included: "lacks …", "also has …".

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
