"""Numbers of records, which anybody may have changed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def figure(content: Mapping[str, Any], *path: str) -> float | None:
    """Return a finite number of a record's content; None = there is none."""
    value: Any = content
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else float("nan")
    except OverflowError:
        return None
    return number if abs(number) < float("inf") else None
