"""Fitting one factor per class, so that the score of a mean becomes best."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.confusion import pair_keys
from toolkit.metrics.scores import merit
from toolkit.plugin.metric import Metric, ScoresTotal
from toolkit.postprocess.labels import argmax_labels
from toolkit.search.pixel_sample import PixelSample

_STEPS = (1.5, 1.2, 1.1, 1 / 1.1, 1 / 1.2, 1 / 1.5)
_SWEEPS = 3
_DIGITS = 4


class FactorFit:
    """Fits factors to parts of one sample of pixels; the members are averaged with equal weights.

    Class by class, a factor is stepped up or down as long as the score of the sample gets better: a
    class that is overlooked gets more than 1, one that is seen everywhere less.

    Args:
        pixels: the sample.
        metric: the contest's.
    """

    def __init__(self, pixels: PixelSample, metric: Metric) -> None:
        self._metric = metric
        self._mean = pixels.maps.mean(axis=0)
        self._pixels = pixels

    def __call__(self, images: NDArray[np.bool_]) -> tuple[float, ...]:
        """Fit to the pixels of the chosen images, bool (images,); returns a factor per class."""
        chosen = np.flatnonzero(images[self._pixels.image])
        mean = self._mean[:, chosen]
        truth = _Truth(self._pixels.target[chosen], self._pixels.image[chosen], self._metric)
        factors = np.ones(len(mean))
        best = truth.merit(truth.counts(argmax_labels(mean), len(mean)))
        for _ in range(_SWEEPS):
            before = best
            for label, own in enumerate(mean):
                rivals = _Rivals(mean * factors[:, None].astype(np.float32), truth, label)
                for step in _STEPS:
                    factor = factors[label] * step
                    if (found := rivals.merit(own * np.float32(factor))) > best:
                        factors[label], best = factor, found
            if best == before:
                break
        return tuple(float(factor) for factor in factors.round(_DIGITS))


class _Truth:
    """The true labels of some pixels, to count and score predicted ones.

    Args:
        target: uint8 (pixels,), true labels.
        image: intp (pixels,), which image each is of.
        metric: the contest's.
    """

    def __init__(self, target: NDArray[np.uint8], image: NDArray[np.intp], metric: Metric) -> None:
        self.target = target
        self._metric = metric
        if isinstance(metric, ScoresTotal) and metric.scores_total:
            image = np.zeros_like(image)
        names, self._image = np.unique(image, return_inverse=True)
        self._n_images = len(names)

    def codes(self, labels: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
        """Return one number for the image and the pair of labels of each pixel, int64 (pixels,)."""
        pairs = pair_keys(self.target, labels, n_classes).astype(np.int64)
        return np.asarray(self._image * n_classes**2 + pairs, np.int64)

    def counted(self, codes: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
        """Return how often each code occurs, int64 (images, C, C)."""
        shape = self._n_images, n_classes, n_classes
        return np.bincount(codes, minlength=math.prod(shape)).reshape(shape)

    def counts(self, labels: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
        """Return the counts of predicted labels, int64 (images, C, C)."""
        return self.counted(self.codes(labels, n_classes), n_classes)

    def merit(self, counts: NDArray[np.int64]) -> float:
        """Return the score; larger is better."""
        return merit(self._metric, self._metric(counts).score)


class _Rivals:
    """All classes but one, so that only the pixels which that one wins are counted anew.

    Args:
        scaled: float32 (C, pixels), the probabilities times their factors.
        truth: of the pixels.
        label: the class that is tried.
    """

    def __init__(self, scaled: NDArray[np.float32], truth: _Truth, label: int) -> None:
        others = np.delete(scaled, label, axis=0)
        labels = argmax_labels(others)
        # Reading the largest at its place is several times faster than a maximum over the classes.
        self._probability = others[labels, np.arange(len(labels))]
        labels += labels >= label
        self._label = label
        self._wins_ties = labels > label
        self._truth = truth
        self._n_classes = len(scaled)
        self._codes = truth.codes(labels, len(scaled))
        self._counts = truth.counted(self._codes, len(scaled))

    def merit(self, own: NDArray[np.float32]) -> float:
        """Return the score when the class has these scaled probabilities, float32 (pixels,)."""
        won = (own > self._probability) | (self._wins_ties & (own == self._probability))
        moved = self._truth.counted(self._codes[won], self._n_classes)
        counts = self._counts - moved
        counts[:, :, self._label] += moved.sum(axis=2)
        return self._truth.merit(counts)
