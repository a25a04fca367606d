"""Selectors that trust whole images, with all of their pixels, or reject them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.interfaces import Prediction
from toolkit.postprocess.labels import argmax_labels


class MeanConfidence:
    """Trusts images whose labels have a high probability on average.

    Args:
        least: 0…1, mean of the labels' probabilities.
        foreground: take the mean over the pixels whose label is not 0. Images of which nearly all
            is background have a high mean however doubtful their objects are. One that is
            background altogether is decided by all of its pixels.
    """

    def __init__(self, least: float, foreground: bool) -> None:
        self._least = least
        self._foreground = foreground

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8] | None:
        """Return the labels (H, W), or None."""
        labels = argmax_labels(prediction.probabilities)
        confidence = prediction.probabilities.max(axis=0)
        if self._foreground and labels.any():
            confidence = confidence[labels > 0]
        return labels if confidence.mean(dtype=np.float64) >= self._least else None


class ConfidentShare:
    """Trusts images in which many pixels are sure.

    Args:
        threshold: 0…1, probability of a pixel that is sure.
        least: 0…1, share of such pixels.
    """

    def __init__(self, threshold: float, least: float) -> None:
        self._threshold = np.float32(threshold)
        self._least = least

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8] | None:
        """Return the labels (H, W), or None."""
        sure = prediction.probabilities.max(axis=0) >= self._threshold
        return argmax_labels(prediction.probabilities) if sure.mean() >= self._least else None


class AgreedImages:
    """Trusts images on whose labels the teachers agree on average.

    Args:
        least: 0…1, mean over the pixels of the share of the teachers.
    """

    def __init__(self, least: float) -> None:
        self._least = least

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8] | None:
        """Return the labels (H, W), or None."""
        agreed = prediction.agreement.mean(dtype=np.float64) >= self._least
        return argmax_labels(prediction.probabilities) if agreed else None
