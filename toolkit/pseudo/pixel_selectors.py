"""Selectors that decide pixel by pixel what is trusted of a prediction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.interfaces import Prediction
from toolkit.postprocess.labels import argmax_labels

BINS = 1 << 16
"""Steps in which class-balanced thresholds are found: finer than the numbers of a u16 store."""


def trusted_labels(
    labels: NDArray[np.uint8], trusted: NDArray[np.bool_], ignore_index: int
) -> NDArray[np.uint8]:
    """Set `labels` (H, W) to `ignore_index` in place where they are not `trusted`; return them."""
    np.putmask(labels, ~trusted, ignore_index)
    return labels


class Threshold:
    """Trusts pixels whose label has a probability of at least the threshold of its class.

    Args:
        least: 0…1, one per label.
        ignore_index: label of pixels that are not trusted.
    """

    def __init__(self, least: tuple[float, ...], ignore_index: int) -> None:
        self._least = np.array(least, np.float32)
        self._ignore_index = ignore_index

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8]:
        """Return labels (H, W), `ignore_index` where in doubt."""
        labels = argmax_labels(prediction.probabilities)
        confidence = prediction.probabilities.max(axis=0)
        return trusted_labels(labels, confidence >= self._least[labels], self._ignore_index)


class AgreedPixels:
    """Trusts pixels on whose label enough of the teachers agree.

    Args:
        least: 0…1, share of the teachers.
        ignore_index: label of pixels that are not trusted.
    """

    def __init__(self, least: float, ignore_index: int) -> None:
        self._least = least
        self._ignore_index = ignore_index

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8]:
        """Return labels (H, W), `ignore_index` where too few agree."""
        labels = argmax_labels(prediction.probabilities)
        return trusted_labels(labels, prediction.agreement >= self._least, self._ignore_index)


class ClassBalanced:
    """Trusts the same share of the pixels of every class, the most confident ones of each.

    A class that the teachers are rarely sure of survives, where one threshold for all would remove
    it (class-balanced self-training, Zou et al. 2018, arXiv:1810.07911). The threshold of a class
    is the largest of `BINS` steps that at least the share of its pixels, over all images, reach.

    Args:
        n_classes: number of labels.
        share: 0…1, of the pixels of each class.
        always: pixels with at least this probability are trusted, whatever their share.
        never: pixels with a smaller probability are not; at most `always`.
        ignore_index: label of pixels that are not trusted.
    """

    def __init__(
        self, n_classes: int, share: float, always: float, never: float, ignore_index: int
    ) -> None:
        self._share = share
        self._always = np.float32(always)
        self._never = np.float32(never)
        self._ignore_index = ignore_index
        self._counts = np.zeros((n_classes, BINS), np.int64)
        self._thresholds: NDArray[np.int32] | None = None

    def observe(self, prediction: Prediction) -> None:
        """Count the pixels of an image by class and probability."""
        labels = argmax_labels(prediction.probabilities)
        keys = labels.astype(np.int64) * BINS + _steps(prediction.probabilities.max(axis=0))
        found = np.bincount(keys.ravel(), minlength=self._counts.size)
        self._counts += found.reshape(self._counts.shape)
        self._thresholds = None

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8]:
        """Return labels (H, W), `ignore_index` below the threshold of their class."""
        labels = argmax_labels(prediction.probabilities)
        confidence = prediction.probabilities.max(axis=0)
        if self._thresholds is None:
            self._thresholds = self._find_thresholds()
        trusted = _steps(confidence) >= self._thresholds[labels]
        trusted &= confidence >= self._never
        trusted |= confidence >= self._always
        return trusted_labels(labels, trusted, self._ignore_index)

    def _find_thresholds(self) -> NDArray[np.int32]:
        """Return the step that is the threshold of each class, int32 (C,)."""
        # Pixels of a class at or above each step, from the highest step down.
        reached = self._counts[:, ::-1].cumsum(axis=1)
        enough: NDArray[np.bool_] = reached >= self._share * reached[:, -1:]
        steps: NDArray[np.int32] = (BINS - 1 - enough.argmax(axis=1)).astype(np.int32)
        return steps


def _steps(confidence: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return in which of `BINS` equal steps from 0 to 1 each probability lies."""
    # A power of two: the product is exact, so that no pixel lands beside its step.
    steps: NDArray[np.int32] = (confidence * np.float32(BINS)).astype(np.int32)
    np.minimum(steps, BINS - 1, out=steps)
    return steps
