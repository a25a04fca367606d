"""Filling small holes in regions."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.postprocess.labels import argmax_labels

_CONNECTIVITY = 4
"""Regions hang together at corners too, so what separates a hole from the outside may be thin."""


@dataclass(frozen=True)
class FillHoles:
    """Small holes get the label of the class around them.

    A hole of a class is a connected area of other labels, whichever, that the class encloses: it
    does not touch the border of the image. Classes are filled one after the other, in the order of
    their labels; the probability of a pixel's old label goes to its new one.

    Args:
        pixels: for each class, holes smaller than this are filled.
    """

    pixels: tuple[int, ...]

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W) -> float32 (C, H, W), sums to 1 over C; `image` is not looked at."""
        labels = argmax_labels(probabilities)
        changed = probabilities.copy()
        for label in np.unique(labels).tolist():
            rows, columns = np.nonzero(_small_holes(labels == label, self.pixels[label]))
            old = labels[rows, columns]
            changed[label, rows, columns] += changed[old, rows, columns]
            changed[old, rows, columns] = 0
            labels[rows, columns] = label
        return changed


def _small_holes(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    _, areas, statistics, _ = cv2.connectedComponentsWithStats(
        (~mask).view(np.uint8), connectivity=_CONNECTIVITY
    )
    left, top, width, height, size = statistics.T
    inside = (
        (left > 0) & (top > 0) & (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    )
    small = inside & (size < pixels)
    small[0] = False  # number 0 is the mask itself
    found: NDArray[np.bool_] = small[areas]
    return found
