"""Patches of like colour agree on their probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.postprocess.superpixels import mean_of_patches, superpixels


@dataclass(frozen=True)
class SuperpixelVote:
    """Mixes each pixel's probabilities with the mean of its superpixel.

    Args:
        size: side of a superpixel, about, pixels.
        compactness: difference of colour (CIELAB units) that weighs as much as `size` pixels.
        weight: 0…1, share of the superpixel's mean.
    """

    size: int
    compactness: float
    weight: float

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W), `image` uint8 RGB (H, W, 3) -> float32 (C, H, W), sums to 1 over C."""
        patches = superpixels(image, self.size, self.compactness)
        means = mean_of_patches(probabilities, patches, int(patches.max()) + 1)
        mixed = probabilities * np.float32(1 - self.weight)
        for plane, mean in zip(mixed, means * np.float32(self.weight), strict=True):
            plane += mean[patches]
        return mixed
