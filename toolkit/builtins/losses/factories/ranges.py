"""Ranges of parameters that several losses have."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from toolkit import UsageError

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Window = Annotated[int, Field(ge=3)]


def check_window(window: int) -> None:
    """Raise a UsageError unless the window has a pixel in its middle."""
    if window % 2 == 0:
        raise UsageError(
            f"window = {window}: a window is centred on a pixel, so its side is odd",
            f"Nearest: {window - 1} or {window + 1}.",
            parameter="window",
        )
