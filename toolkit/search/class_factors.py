"""Fitting one factor per class, so that the mIoU of a mean becomes largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.confusion import confusion, count_pairs, mean_ious, pair_keys
from toolkit.postprocess.labels import argmax_labels
from toolkit.search.pixel_sample import PixelSample

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

    def __init__(self, pixels: PixelSample) -> None:
        self._mean = pixels.maps.mean(axis=0)
        self._pixels = pixels

    def __call__(self, images: NDArray[np.bool_]) -> tuple[float, ...]:
        """Fit to the pixels of the chosen images, bool (images,); returns a factor per class."""
        chosen = np.flatnonzero(images[self._pixels.image])
        mean, target = self._mean[:, chosen], self._pixels.target[chosen]
        factors = np.ones(len(mean))
        best = float(mean_ious(confusion(target, argmax_labels(mean), len(mean))))
        for _ in range(_SWEEPS):
            before = best
            for label, own in enumerate(mean):
                rivals = _Rivals(mean * factors[:, None].astype(np.float32), target, label)
                for step in _STEPS:
                    factor = factors[label] * step
                    if (found := rivals.miou(own * np.float32(factor))) > best:
                        factors[label], best = factor, found
            if best == before:
                break
        return tuple(float(factor) for factor in factors.round(_DIGITS))


class _Rivals:
    """All classes but one, so that only the pixels which that one wins are counted anew.

    Args:
        scaled: float32 (C, pixels), the probabilities times their factors.
        target: uint8 (pixels,), true labels.
        label: the class that is tried.
    """

    def __init__(self, scaled: NDArray[np.float32], target: NDArray[np.uint8], label: int) -> None:
        others = np.delete(scaled, label, axis=0)
        labels = argmax_labels(others)
        # Reading the largest at its place is several times faster than a maximum over the classes.
        self._probability = others[labels, np.arange(len(target))]
        labels += labels >= label
        self._label = label
        self._wins_ties = labels > label
        self._pairs = pair_keys(target, labels, len(scaled))
        self._counts = count_pairs(self._pairs, len(scaled))

    def miou(self, own: NDArray[np.float32]) -> float:
        """Return the mIoU when the class has these scaled probabilities, float32 (pixels,)."""
        won = (own > self._probability) | (self._wins_ties & (own == self._probability))
        moved = count_pairs(self._pairs[won], len(self._counts))
        counts = self._counts - moved
        counts[:, self._label] += moved.sum(axis=1)
        return float(mean_ious(counts))
