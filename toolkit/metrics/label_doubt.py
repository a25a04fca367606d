"""How much predicted probabilities doubt the labels of objects, background and images.

An object is one sample: the mean of the probabilities over its pixels. Two questions are asked of
it, as a network that misses an object must not hide what it thinks of its class: whether an object
is there at all, and which one if so. A network is surer of some classes than of others, so that
each answer is measured by how sure it usually is, as confident learning does (Northcutt, Jiang,
Chuang 2021, arXiv:1911.00068).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TEMPERATURE = 0.1
"""Of the soft minimum over the pixels of an image; the one of arXiv:2307.05080."""

_NEARLY = 1e-3
"""What is usual is at least this far from 0 and 1: stored maps are rounded."""


@dataclass(frozen=True)
class UsualProbabilities:
    """How probable labels usually are where they are given, 0…1.

    Attributes:
        classes: float64 (C,), of each class in its objects, if they are objects; that of the
            background is not looked at, and a class without an object has 1, hard to reach.
        background: of the background where it is the label.
        objects: float64 (C,), of any object where one of the class is labelled; of the background
            not looked at.
    """

    classes: NDArray[np.float64]
    background: float
    objects: NDArray[np.float64]


def usual_probabilities(
    means: NDArray[np.float64], labels: NDArray[np.int64]
) -> UsualProbabilities:
    """Return the mean of what samples give to their own labels.

    Args:
        means: float64 (n, C), mean probabilities of samples.
        labels: int64 (n,), their labels; 0 = background.
    """
    own = _if_objects(means)[np.arange(len(labels)), labels]
    nothing = means[:, 0]
    background = _means_by_label(nothing[labels == 0], labels[labels == 0], 1)
    return UsualProbabilities(
        np.maximum(_means_by_label(own, labels, means.shape[1]), _NEARLY),
        float(np.clip(background[0], _NEARLY, 1 - _NEARLY)),
        np.clip(_means_by_label(1 - nothing, labels, means.shape[1]), _NEARLY, 1 - _NEARLY),
    )


def _means_by_label(
    values: NDArray[np.float64], labels: NDArray[np.int64], n_classes: int
) -> NDArray[np.float64]:
    """Return the mean value of every label, 1 where there is none."""
    numbers = np.bincount(labels, minlength=n_classes)
    result = np.ones(n_classes)
    np.divide(np.bincount(labels, values, n_classes), numbers, out=result, where=numbers > 0)
    return result


def _if_objects(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of classes given that it is no background, whose own are 0."""
    shares = means.copy()
    shares[:, 0] = 0
    total = shares.sum(axis=1, keepdims=True)
    np.divide(shares, total, out=shares, where=total > 0)
    return shares


def label_doubts(
    means: NDArray[np.float64], labels: NDArray[np.int64], usual: UsualProbabilities
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how much each label is doubted, float64 (n,) 0…1, and the label it may be, int64 (n,).

    With q(k) = p(k | an object) / usual of k, the class of an object is doubted by
    q(other) / (q(other) + q(own)) for the other class with the largest q: 0.5 where both fit
    equally well. That an object is there at all is doubted by the odds of background over its usual
    odds, o / (o + usual o): 0.5 where the network is as sure of background as where it is labelled
    so. From there on it counts, and classes mean nothing; below, the larger doubt does. Background
    is doubted in the same way by the odds of an object over the usual ones in objects of the class
    that it may be.

    Args:
        means: float64 (n, C), mean probabilities of samples.
        labels: int64 (n,), their labels; 0 = background.
        usual: see `usual_probabilities`.
    """
    rows = np.arange(len(labels))
    quotients = _if_objects(means) / usual.classes
    own = quotients[rows, labels].copy()
    quotients[rows, labels] = -1.0
    quotients[:, 0] = -1.0  # the other question
    suspected = quotients.argmax(axis=1)
    best = np.maximum(quotients[rows, suspected], 0.0)
    total = best + own
    of_class = np.divide(best, total, out=np.zeros(len(labels)), where=total > 0)
    nothing = np.clip(means[:, 0], 0, 1)  # rounding may pass 1
    extra = _more_than_usual(nothing, usual.background)
    missing = _more_than_usual(1 - nothing, usual.objects[suspected])
    is_background = labels == 0
    is_extra = ~is_background & (extra >= np.minimum(of_class, 0.5))
    doubts = np.where(is_background, missing, np.where(is_extra, extra, of_class))
    suspected[is_extra] = 0
    return doubts, suspected


def _more_than_usual(
    values: NDArray[np.float64], usual: float | NDArray[np.float64]
) -> NDArray[np.float64]:
    for_it, against = values * (1 - usual), (1 - values) * usual
    result: NDArray[np.float64] = for_it / (for_it + against)
    return result


def image_doubt(own: NDArray[np.float32]) -> float:
    """Return how much the labels of an image are doubted, 0…1.

    It is 1 minus the soft minimum over pixels of the probability of their label: sum p w with
    weights w = softmax((1 - p) / T), arXiv:2307.05080. 0 for an image without pixels.

    Args:
        own: float32 (pixels,), what each pixel gives to its label.
    """
    if not own.size:
        return 0.0
    probabilities = own.astype(np.float64)
    weights = np.exp((probabilities.min() - probabilities) / TEMPERATURE)
    return float(1.0 - (probabilities * weights).sum() / weights.sum())
