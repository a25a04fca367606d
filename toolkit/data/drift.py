"""Whether the photos of one split are like those of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import NDArray

_CHANCE = 0.05
"""How often, at most, two samples of the same photos are found to differ in any property."""


@dataclass(frozen=True)
class PropertyDrift:
    """How a property of the photos of two splits differs.

    Attributes:
        name: of the property.
        distance: two-sample Kolmogorov-Smirnov statistic, 0…1: the largest gap between the shares
            of photos below a value. 0 = alike, 1 = no photo of one is among those of the other.
        by_chance: distance up to which chance explains it.
        medians: of the one and the other split.
    """

    name: str
    distance: float
    by_chance: float
    medians: tuple[float, float]

    @property
    def is_told(self) -> bool:
        """Whether chance does not explain it."""
        return self.distance > self.by_chance


def property_drifts(
    one: Mapping[str, NDArray[np.float64]], other: Mapping[str, NDArray[np.float64]]
) -> list[PropertyDrift]:
    """Return how the photos of two splits differ, in the order of the properties.

    Chance is judged by Smirnov's bound, D > sqrt(−ln(α / 2) / 2) · sqrt((n + m) / (n · m)), with α
    divided by the number of properties, so that one of 20 pairs of equal splits is told to differ
    (Smirnov 1948, "Table for estimating the goodness of fit of empirical distributions"). Splits
    of a few photos are so told to differ by nothing.

    Args:
        one: property -> its value in each photo, at least one; NaN has no part in it.
        other: the same properties of the other split.
    """
    known = {
        name: (values[~np.isnan(values)], other[name][~np.isnan(other[name])])
        for name, values in one.items()
        if name in other
    }
    known = {name: pair for name, pair in known.items() if len(pair[0]) and len(pair[1])}
    level = _CHANCE / max(len(known), 1)
    return [
        PropertyDrift(
            name,
            kolmogorov_smirnov(first, second),
            min(1.0, sqrt(-log(level / 2) / 2) * sqrt(1 / len(first) + 1 / len(second))),
            (float(np.median(first)), float(np.median(second))),
        )
        for name, (first, second) in known.items()
    ]


def kolmogorov_smirnov(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the largest gap between the empirical distributions of two samples, 0…1."""
    one, other = np.sort(one), np.sort(other)
    values = np.concatenate([one, other])
    below = np.searchsorted(one, values, side="right") / len(one)
    below_other = np.searchsorted(other, values, side="right") / len(other)
    return float(np.abs(below - below_other).max())
