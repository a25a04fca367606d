"""Built-in steps between combined probabilities and labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveInt

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from toolkit.plugin.interfaces import Postprocessor

Sigma = Annotated[float, Field(gt=0, le=100)]


def smooth(context: Context, *, sigma: Sigma = 1.0) -> Postprocessor:
    """Gaussian blur of every class's probabilities; sigma in pixels of the image."""
    from toolkit.postprocess.smooth import Smooth

    return Smooth(sigma)


def min_area(context: Context, *, pixels: PositiveInt = 64) -> Postprocessor:
    """Connected regions smaller than `pixels` lose their label to the next best class."""
    from toolkit.postprocess.min_area import MinArea

    return MinArea(pixels)


@hookimpl
def trash_postprocessors() -> Sequence[Component]:
    """Small steps that look at the probabilities alone."""
    return [
        Component("smooth", smooth, "Gaussian blur of the probabilities"),
        Component("min_area", min_area, "remove connected regions that are too small"),
    ]
