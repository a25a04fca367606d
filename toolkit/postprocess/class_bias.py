"""Weighing classes against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassBias:
    """Probabilities times a factor for each class, normalised again.

    A class with factor 2 wins a pixel from half the probability of the best of the others: for two
    classes that is a threshold of 1/3.

    Args:
        factors: one per class, above 0.
    """

    factors: tuple[float, ...]

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W) -> float32 (C, H, W), sums to 1 over C; `image` is not looked at."""
        scaled = probabilities * np.asarray(self.factors, np.float32)[:, None, None]
        scaled /= scaled.sum(axis=0)
        return scaled
