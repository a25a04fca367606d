"""template_name: sharper or softer probabilities."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toolkit import Component, Context, hookimpl

Power = Annotated[float, Field(gt=0, le=10)]


class Sharpen:
    """Raises probabilities to a power and normalises them again."""

    def __init__(self, power: float) -> None:
        self.power = power

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Probabilities (C, H, W), RGB image (H, W, 3) -> probabilities that sum to 1 over C."""
        # Divided by the largest first: small probabilities would all become 0.
        scaled = probabilities / probabilities.max(axis=0)
        raised: NDArray[np.float32] = scaled**self.power
        raised /= raised.sum(axis=0)
        return raised


def make(context: Context, *, power: Power = 2.0) -> Sharpen:
    """Make a step that sharpens (power above 1) or softens the probabilities.

    Args:
        power: exponent.
    """
    return Sharpen(power)


@hookimpl
def trash_postprocessors() -> list[Component]:
    """Offer the step under the name that recipes use."""
    return [Component("template_name", make, "sharper or softer probabilities")]
