"""Classes that win a pixel only when they are sure of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.postprocess.labels import argmax_labels

_TIE = np.float32(1e-6)
"""Lifts the class that takes a pixel above one of exactly the same probability."""


@dataclass(frozen=True)
class ClassThreshold:
    """A pixel whose best class is below that class's threshold goes to another one.

    That is the best of those that reach their own threshold; where none does, the pixel stays. Pixels
    whose best class reaches its threshold are left alone.

    Args:
        thresholds: one per class, 0…1; 0 = always sure enough.
        to: label that takes the pixels instead; None = the next best class of each.
    """

    thresholds: tuple[float, ...]
    to: int | None = None

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W) -> float32 (C, H, W), sums to 1 over C; `image` is not looked at."""
        thresholds = np.asarray(self.thresholds, np.float32)
        labels = argmax_labels(probabilities)
        doubtful = probabilities.max(axis=0) < thresholds[labels]
        changed = probabilities.copy()
        changed[:, doubtful] = self._of_others(
            probabilities[:, doubtful], labels[doubtful], thresholds
        )
        return changed

    def _of_others(
        self,
        pixels: NDArray[np.float32],
        labels: NDArray[np.uint8],
        thresholds: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Return probabilities (C, n) of pixels whose label is not sure enough."""
        if self.to is None:
            sure = (pixels >= thresholds[:, None]) & (pixels > 0)
            others = np.where(sure | ~sure.any(axis=0), pixels, np.float32(0))
        else:
            columns = np.arange(labels.size)
            others = pixels.copy()
            others[self.to] += pixels[labels, columns] + _TIE
            others[labels, columns] = 0
        others /= others.sum(axis=0)
        return np.asarray(others, np.float32)
