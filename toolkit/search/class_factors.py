"""Fitting one factor per class, so that the score of a mean becomes best."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.confusion import pair_keys
from toolkit.metrics.formulas import mean_of_images
from toolkit.metrics.scores import merit
from toolkit.plugin.metric import Metric, ScoresImages, ScoresTotal
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
        truth = _Truth(self._pixels.target[chosen], self._pixels.image[chosen], self._metric)
        # An index after a colon would put the classes of a pixel side by side, which is slow here.
        prediction = _Prediction(np.take(self._mean, chosen, axis=1), truth)
        for _ in range(_SWEEPS):
            before = prediction.score
            for label in range(len(self._mean)):
                prediction.improve(label)
            if prediction.score == before:
                break
        return tuple(float(factor) for factor in prediction.factors.round(_DIGITS))


class _Truth:
    """The true labels of some pixels, to count and score predicted ones.

    Args:
        target: uint8 (pixels,), true labels.
        image: intp (pixels,), which image each is of.
        metric: the contest's.

    Attributes:
        target: as given.
        image: intp (pixels,), the row of counts that each pixel is in: that of its image, or 0
            where the metric scores the sum alone.
    """

    def __init__(self, target: NDArray[np.uint8], image: NDArray[np.intp], metric: Metric) -> None:
        self.target = target
        self._metric = metric
        scores_total = isinstance(metric, ScoresTotal) and metric.scores_total
        self._by_image = metric if isinstance(metric, ScoresImages) and not scores_total else None
        names, self.image = np.unique(
            np.zeros_like(image) if scores_total else image, return_inverse=True
        )
        self._n_rows = len(names)

    def counts(self, labels: NDArray[np.uint8], n_classes: int) -> NDArray[np.int64]:
        """Return the counts of predicted labels, int64 (rows, C, C)."""
        pairs = pair_keys(self.target, labels, n_classes).astype(np.int64)
        shape = self._n_rows, n_classes, n_classes
        codes = self.image * n_classes**2 + pairs
        return np.bincount(codes, minlength=math.prod(shape)).reshape(shape)

    def figures(self, counts: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """Return the score of each row of counts; None if the metric is no mean over images."""
        return None if self._by_image is None else self._by_image.image_figures(counts)[:, 0]

    def score(self, counts: NDArray[np.int64], figures: NDArray[np.float64] | None) -> float:
        """Return the score of all rows, from their figures if there are any; larger is better."""
        score = self._metric(counts).score if figures is None else mean_of_images(figures)
        return merit(self._metric, score)


class _Prediction:
    """The labels of the pixels under the factors so far.

    A step of one factor changes few pixels, and only their images are counted and scored anew.

    Args:
        mean: float32 (C, pixels), probabilities.
        truth: of the pixels.

    Attributes:
        factors: float64 (C,).
        score: larger is better.
    """

    def __init__(self, mean: NDArray[np.float32], truth: _Truth) -> None:
        self._mean = mean
        self._truth = truth
        self.factors = np.ones(len(mean))
        self._labels = argmax_labels(mean)
        # Reading the largest at its place is several times faster than a maximum over the classes.
        self._largest = mean[self._labels, np.arange(len(self._labels))]
        self._counts = truth.counts(self._labels, len(mean))
        self._figures = truth.figures(self._counts)
        self.score = truth.score(self._counts, self._figures)

    def improve(self, label: int) -> None:
        """Step the factor of a class, and keep each step that makes the score better."""
        own = self._mean[label]
        rivals, largest = self._rivals(label)
        wins_ties = rivals > label
        for step in _STEPS:
            factor = self.factors[label] * step
            tried = own * np.float32(factor)
            won = (tried > largest) | (wins_ties & (tried == largest))
            if self._is_better(np.where(won, np.uint8(label), rivals)):
                self.factors[label] = factor
        scaled = own * np.float32(self.factors[label])
        self._largest = np.where(self._labels == label, scaled, largest)

    def _rivals(self, label: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the best of the other classes for each pixel, and its scaled probability."""
        rivals, largest = self._labels.copy(), self._largest.copy()
        own = np.flatnonzero(self._labels == label)
        others = np.take(self._mean, own, axis=1) * self.factors[:, None].astype(np.float32)
        others[label] = -np.inf
        rivals[own] = others.argmax(axis=0)
        largest[own] = others[rivals[own], np.arange(len(own))]
        return rivals, largest

    def _is_better(self, labels: NDArray[np.uint8]) -> bool:
        """Take over other labels if they score better; returns whether they do."""
        changed = np.flatnonzero(labels != self._labels)
        if not len(changed):
            return False
        rows, row = np.unique(self._truth.image[changed], return_inverse=True)
        before = self._counts[rows]
        after, target = before.copy(), self._truth.target[changed]
        np.subtract.at(after, (row, target, self._labels[changed]), 1)
        np.add.at(after, (row, target, labels[changed]), 1)
        self._counts[rows] = after
        figures, own_figures = None, self._truth.figures(after)
        if self._figures is not None and own_figures is not None:
            figures = self._figures.copy()
            figures[rows] = own_figures
        score = self._truth.score(self._counts, figures)
        if not score > self.score:
            self._counts[rows] = before
            return False
        self._labels, self._figures, self.score = labels, figures, score
        return True
