"""Types of the keys that say what photos hold: their channels, and figures for each of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from toolkit.plugin.component import N_RGB
from toolkit.wording import counted

MOST_CHANNELS = 64


def _range_of(value: tuple[float, float] | None, info: ValidationInfo) -> Any:
    if value is not None and value[0] >= value[1]:
        raise PydanticCustomError("range", "must be [low, high] with low below high")
    if value is not None and info.data.get("bit_depth") is not None:
        raise PydanticCustomError("range", "must be unset beside bit_depth, which says it too")
    return value


def _figure_per_channel(value: tuple[float, ...], info: ValidationInfo) -> tuple[float, ...]:
    channels = info.data.get("channels") or N_RGB
    if "channels" in info.data and len(value) != channels:
        figures = counted(channels, "figure", "figures")
        raise PydanticCustomError(
            "figures", "must have {figures}, one per channel", {"figures": figures}
        )
    return value


Channels = Annotated[int, Field(ge=1, le=MOST_CHANNELS)]
Range = Annotated[tuple[float, float] | None, AfterValidator(_range_of)]
"""(low, high) of values, in a table that has `bit_depth` before it; None = not declared."""
Figures = Annotated[
    tuple[float, ...],
    Field(min_length=1, max_length=MOST_CHANNELS),
    AfterValidator(_figure_per_channel),
]
"""One figure per channel, in a table that has `channels` before it."""


def per_channel(of_rgb: tuple[float, ...], other: float) -> Any:
    """Return the default of `Figures`: those of RGB, or `other` for each of other channels."""

    def figures(values: dict[str, Any]) -> tuple[float, ...]:
        channels = values.get("channels") or N_RGB
        return of_rgb if channels == N_RGB else (other,) * channels

    return Field(default_factory=figures)
