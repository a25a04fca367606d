"""Blurring probabilities, so that single pixels follow their neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Smooth:
    """Gaussian blur of every class, normalised again.

    Args:
        sigma: standard deviation of the blur, pixels.
    """

    sigma: float

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W) -> float32 (C, H, W), sums to 1 over C; `image` is not looked at."""
        blurred = np.empty_like(probabilities)
        for plane, target in zip(probabilities, blurred, strict=True):
            cv2.GaussianBlur(plane, (0, 0), self.sigma, dst=target, borderType=cv2.BORDER_REPLICATE)
        blurred /= blurred.sum(axis=0)
        return blurred
