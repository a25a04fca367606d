"""Metrics as functions of the counts of every image: what the built-in components are made of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.metric import MetricScore

Counts = NDArray[np.int64]
"""Counts of pixels (..., C, C), rows truth, columns predictions."""
Figures = NDArray[np.float64]
"""Figures of classes (..., C); NaN where a class has none."""
Absent = Literal["skip", "one"]
"""What an image says of a class that neither its truth nor its prediction has: nothing, or 1."""


def all_pixels(counts: Counts) -> Counts:
    """Return the counts of all pixels, int64 (images, C, C), of either kind of counts."""
    return counts if counts.ndim == 3 else np.asarray(counts.sum(1))


def boundary_pixels(counts: Counts) -> Counts:
    """Return the counts of labels near boundaries, int64 (images, C + 1, C + 1).

    The last label stands for "not near a boundary": the IoU of the others is their Boundary IoU.

    Args:
        counts: int64 (images, 4, C, C), divided as `Counting` does.
    """
    n_classes = counts.shape[-1]
    found = np.zeros((len(counts), n_classes + 1, n_classes + 1), np.int64)
    found[:, :-1, :-1] = counts[:, 3]
    found[:, :-1, -1] = counts[:, 2].sum(-1)
    found[:, -1, :-1] = counts[:, 1].sum(-2)
    found[:, -1, -1] = counts[:, 0].sum((-2, -1))
    return found


def class_ious(counts: Counts) -> Figures:
    """Return the IoU (Jaccard) of every class, TP / (TP + FP + FN), 0…1.

    NaN for a class that neither truth nor prediction has.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return ratios(right, counts.sum(-1) + counts.sum(-2) - right)


def class_dices(counts: Counts) -> Figures:
    """Return the Dice coefficient (F1) of every class, 2 TP / (2 TP + FP + FN), 0…1.

    NaN for a class that neither truth nor prediction has.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return ratios(2 * right, counts.sum(-1) + counts.sum(-2))


def class_recalls(counts: Counts) -> Figures:
    """Return the share of every class's true pixels that is right, 0…1; NaN where it has none."""
    return ratios(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1))


def mean_of_known(figures: Figures, weights: Figures) -> Figures:
    """Return the weighted mean over the classes that have a figure, (...); NaN where none has.

    Args:
        figures: (..., C).
        weights: (C,) or (..., C), at least 0.
    """
    weights = np.where(np.isnan(figures), 0.0, weights)
    # Added up one class after another: to the bit what checkpoints of earlier versions hold.
    total = np.cumsum(np.nan_to_num(figures) * weights, axis=-1)[..., -1]
    return ratios(total, weights.sum(-1))


def ratios(parts: NDArray[np.generic], wholes: NDArray[np.generic]) -> Figures:
    """Return parts / wholes, NaN where a whole is 0."""
    nothing = np.full(np.shape(wholes), np.nan)
    return np.asarray(np.divide(parts, wholes, out=nothing, where=np.greater(wholes, 0)))


@dataclass(frozen=True)
class ClassMetric:
    """A mean over classes of a figure that all images have together.

    Attributes:
        figure: of every class, from counts (..., C, C) to (..., C).
        weights: (C,), factor of every class in the mean; 0 = it does not count.
    """

    figure: Callable[[Counts], Figures]
    weights: Figures
    larger_is_better: bool = True
    scores_total: bool = True

    def __call__(self, counts: Counts) -> MetricScore:
        """Return the mean, and the figures of the classes that count."""
        figures = np.where(self.weights > 0, self.figure(counts.sum(0)), np.nan)
        return MetricScore(float(mean_of_known(figures, self.weights)), figures)


@dataclass(frozen=True)
class ImageMetric:
    """The mean over images of what `ClassMetric` is of one image.

    Images without a figure, of which every pixel is ignored for example, do not count. The figure
    of a class is its mean over the images that have one.

    Attributes:
        figure: of every class, from counts (..., C, C) to (..., C).
        weights: (C,), factor of every class in the mean; 0 = it does not count.
        absent: see `Absent`.
    """

    figure: Callable[[Counts], Figures]
    weights: Figures
    absent: Absent
    larger_is_better: bool = True

    def __call__(self, counts: Counts) -> MetricScore:
        """Return the mean over images, and those of the classes that count."""
        score, *classes = (mean_of_images(each) for each in self.image_figures(counts).T)
        return MetricScore(score, np.array(classes))

    def image_figures(self, counts: Counts) -> Figures:
        """Return the mean over the classes of every image, and its figures, (images, 1 + C)."""
        figures = np.where(self.weights > 0, self.figure(counts), np.nan)
        if self.absent == "one":
            has_pixels = counts.sum((-2, -1)) > 0
            figures[np.isnan(figures) & has_pixels[:, None] & (self.weights > 0)] = 1.0
        return np.column_stack([mean_of_known(figures, self.weights), figures])


def mean_of_images(values: Figures) -> float:
    """Return the mean over the images that have a value, NaN where none has.

    The sum is exact, so that no order of the images changes it.
    """
    known = values[~np.isnan(values)]
    return math.fsum(known.tolist()) / len(known) if len(known) else math.nan


@dataclass(frozen=True)
class FrequencyWeightedIoU:
    """The mean of the classes' IoU, weighted by their shares of the true pixels.

    Attributes:
        counted: bool (C,), which classes count.
    """

    counted: NDArray[np.bool_]
    larger_is_better: bool = True
    scores_total: bool = True

    def __call__(self, counts: Counts) -> MetricScore:
        """Return the mean, and the IoU of the classes that count."""
        total = counts.sum(0)
        figures = np.where(self.counted, class_ious(total), np.nan)
        shares = np.where(self.counted, total.sum(-1), 0).astype(np.float64)
        return MetricScore(float(mean_of_known(figures, shares)), figures)


@dataclass(frozen=True)
class BoundaryIoU:
    """The mean over classes of the IoU of what is near the boundary of each (arXiv:2103.16562).

    Attributes:
        weights: (C,), factor of every class in the mean; 0 = it does not count.
        boundary: see `ScoresBoundary`.
    """

    weights: Figures
    boundary: float
    larger_is_better: bool = True
    scores_total: bool = True

    def __call__(self, counts: Counts) -> MetricScore:
        """Return the mean, and the figures of the classes that count."""
        figures = np.where(self.weights > 0, class_ious(counts.sum(0))[:-1], np.nan)
        return MetricScore(float(mean_of_known(figures, self.weights)), figures)


@dataclass(frozen=True)
class PixelMetric:
    """A figure of all pixels of all images that has no parts for classes.

    Attributes:
        figure: from counts (C, C) to a number, NaN where there is none.
    """

    figure: Callable[[Counts], float]
    larger_is_better: bool = True
    scores_total: bool = True

    def __call__(self, counts: Counts) -> MetricScore:
        """Return the figure."""
        return MetricScore(self.figure(counts.sum(0)))


def pixel_accuracy(counts: Counts) -> float:
    """Return the share of the pixels that are right, 0…1."""
    return _ratio(int(np.trace(counts)), int(counts.sum()))


def foreground_iou(counts: Counts) -> float:
    """Return the IoU of "any class but background", 0…1; NaN without any foreground."""
    return _ratio(int(counts[1:, 1:].sum()), int(counts.sum() - counts[0, 0]))


def cohen_kappa(counts: Counts) -> float:
    """Return Cohen's kappa, -1…1: the agreement beyond that of chance (Cohen, 1960).

    NaN where chance alone agrees on everything: truth and prediction are one and the same class.
    """
    total = int(counts.sum())
    # Whole numbers as large as Python likes: no rounding before the one division.
    chance = sum(
        int(truth) * int(predicted)
        for truth, predicted in zip(counts.sum(1), counts.sum(0), strict=True)
    )
    return _ratio(int(np.trace(counts)) * total - chance, total**2 - chance)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
