"""template_name: mean of powers of the members' probabilities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toolkit import Component, Context, hookimpl

Power = Annotated[float, Field(ge=0.1, le=10)]


class MeanOfPowers:
    """Averages powers, so that members who are sure count more (power above 1)."""

    def __init__(self, power: float) -> None:
        self.power = power

    def __call__(self, maps: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Maps (C, H, W), one by one -> one map that sums to 1 over C."""
        total: NDArray[np.float32] | None = None
        for member in maps:
            raised = member**self.power
            total = raised if total is None else total + raised
        if total is None:
            raise ValueError("no maps to combine")
        total /= total.sum(axis=0)
        return total


def make(context: Context, *, power: Power = 2.0) -> MeanOfPowers:
    """Make the mean of powers.

    Args:
        power: exponent; 1 is the plain mean.
    """
    return MeanOfPowers(power)


@hookimpl
def trash_ensemblers() -> list[Component]:
    """Offer the ensembler under the name that recipes use."""
    return [Component("template_name", make, "mean of powered probabilities")]
