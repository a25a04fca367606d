"""How far predicted probabilities can be believed: calibration, and what the true class gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.formulas import ratios

N_BINS = 15


@dataclass(frozen=True)
class Calibration:
    """Probabilities of some pixels against what they turned out to be.

    Attributes:
        pixels: int64 (bins,), pixels by the probability of the class that was predicted, which is
            cut into equal bins from 0 to 1.
        right: int64 (bins,), those of them that were predicted right.
        confidence: float64 (bins,), mean of that probability; NaN in an empty bin.
        true_probability: float64 (C,), mean probability that the pixels of a class gave to it, NaN
            where no pixel is of the class.
        true_pixels: int64 (C,), pixels of every class.
    """

    pixels: NDArray[np.int64]
    right: NDArray[np.int64]
    confidence: NDArray[np.float64]
    true_probability: NDArray[np.float64]
    true_pixels: NDArray[np.int64]

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of the pixels of every bin that are right, (bins,); NaN in an empty one."""
        return ratios(self.right, self.pixels)

    @property
    def error(self) -> float:
        """Expected calibration error, 0…1: mean gap between confidence and accuracy of a pixel.

        Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks (ICML 2017). NaN
        where there is no pixel.
        """
        total = self.pixels.sum()
        gaps = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gaps * self.pixels) / total) if total else float("nan")


class CalibrationSums:
    """Adds up what `Calibration` needs, image by image.

    Args:
        n_classes: number of labels, background included.
        ignore_index: true label of pixels that do not count.
    """

    def __init__(self, n_classes: int, ignore_index: int) -> None:
        self._ignore_index = ignore_index
        self._bins = np.zeros((3, N_BINS))
        self._true = np.zeros((2, n_classes))

    def add(self, probabilities: NDArray[np.float32], target: NDArray[np.uint8]) -> None:
        """Add an image.

        Args:
            probabilities: float32 (C, H, W), sum to 1 over C.
            target: uint8 (H, W), true labels.
        """
        known = target != self._ignore_index
        found, truth = probabilities[:, known], target[known]
        predicted = found.argmax(0)
        pixel = np.arange(len(truth))
        confidence = found[predicted, pixel]
        bins = np.minimum((confidence * N_BINS).astype(np.intp), N_BINS - 1)
        for row, weights in enumerate((None, predicted == truth, confidence)):
            self._bins[row] += np.bincount(bins, weights, N_BINS)
        for row, weights in enumerate((None, found[truth, pixel])):
            self._true[row] += np.bincount(truth, weights, self._true.shape[1])

    def result(self) -> Calibration:
        """Return the calibration of all that was added."""
        pixels, right, confidence = self._bins
        true_pixels, true_probability = self._true
        return Calibration(
            pixels.astype(np.int64),
            right.astype(np.int64),
            ratios(confidence, pixels),
            ratios(true_probability, true_pixels),
            true_pixels.astype(np.int64),
        )
