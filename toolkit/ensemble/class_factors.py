"""Fitting one factor per class, so that the mIoU of a mean becomes largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.contested import confusion
from toolkit.ensemble.labels import argmax_labels
from toolkit.ensemble.sampled import Pixels
from toolkit.metrics.confusion import mean_ious

_STEPS = (1.5, 1.2, 1.1, 1 / 1.1, 1 / 1.2, 1 / 1.5)
_SWEEPS = 3
_DIGITS = 4


class FactorFit:
    """Fits factors to parts of one sample of pixels; the members are averaged with equal weights.

    Class by class, a factor is stepped up or down as long as the mIoU of the sample rises: a class
    that is overlooked gets more than 1, one that is seen everywhere less.

    Args:
        pixels: the sample.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._mean = pixels.maps.mean(axis=0)
        self._pixels = pixels

    def __call__(self, images: NDArray[np.bool_]) -> tuple[float, ...]:
        """Fit to the pixels of the chosen images, bool (images,); returns a factor per class."""
        chosen = np.flatnonzero(images[self._pixels.image])
        mean, target = self._mean[:, chosen], self._pixels.target[chosen]
        factors = np.ones(len(mean))

        def score(factors: NDArray[np.float64]) -> float:
            scaled = mean * factors[:, None].astype(np.float32)
            return float(mean_ious(confusion(target, argmax_labels(scaled), len(mean))))

        best = score(factors)
        for _ in range(_SWEEPS):
            before = best
            for label in range(len(factors)):
                for step in _STEPS:
                    tried = factors.copy()
                    tried[label] *= step
                    if (found := score(tried)) > best:
                        factors, best = tried, found
            if best == before:
                break
        return tuple(float(factor) for factor in factors.round(_DIGITS))
