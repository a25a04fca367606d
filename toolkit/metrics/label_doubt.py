"""How much predicted probabilities doubt the labels of objects and images.

An object is one sample: the mean of the probabilities over its pixels. A network is surer of some
classes than of others, so that each class is measured by how sure it usually is of it, as confident
learning does (Northcutt, Jiang, Chuang 2021, arXiv:1911.00068).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TEMPERATURE = 0.1
"""Of the soft minimum over the pixels of an image; the one of arXiv:2307.05080."""


def usual_probabilities(
    means: NDArray[np.float64], labels: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how probable each class usually is where it is the label, float64 (C,) 0…1.

    It is the mean of the samples with that label: the threshold of confident learning. A class
    without a sample has 1, the hardest one to reach.

    Args:
        means: float64 (n, C), mean probabilities of samples.
        labels: int64 (n,), their labels.
    """
    n_classes = means.shape[1]
    sums = np.bincount(labels, means[np.arange(len(labels)), labels], n_classes)
    numbers = np.bincount(labels, minlength=n_classes)
    usual = np.ones(n_classes)
    np.divide(sums, numbers, out=usual, where=numbers > 0)
    return usual


def label_doubts(
    means: NDArray[np.float64], labels: NDArray[np.int64], usual: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return how much each label is doubted, float64 (n,) 0…1, and the label it may be, int64 (n,).

    Each mean probability is divided by the usual one of its class. The label that it may be is the
    other one with the largest quotient q; the doubt is q / (q + own quotient): 0.5 where both fit
    equally well, 1 where the own label is out of the question.

    Args:
        means: float64 (n, C), mean probabilities of samples.
        labels: int64 (n,), their labels.
        usual: float64 (C,), see `usual_probabilities`.
    """
    rows = np.arange(len(labels))
    quotients = means / np.maximum(usual, np.finfo(np.float64).tiny)
    own = quotients[rows, labels]
    others = quotients.copy()
    others[rows, labels] = -1.0
    suspected = others.argmax(axis=1)
    best = others[rows, suspected]
    total = best + own
    doubts = np.divide(best, total, out=np.zeros(len(labels)), where=total > 0)
    return doubts, suspected


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
