"""From probabilities to labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def argmax_labels(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the most probable label of every pixel; the smallest label wins a tie.

    Args:
        probabilities: float (C, H, W), C at most 256.

    Returns:
        uint8 (H, W): `np.argmax(probabilities, axis=0)`, faster because it goes plane by plane.
    """
    best = probabilities[0].copy()
    labels = np.zeros(best.shape, dtype=np.uint8)
    better = np.empty(best.shape, dtype=np.bool_)
    candidate = np.empty_like(labels)
    for label in range(1, len(probabilities)):
        plane = probabilities[label]
        np.greater(plane, best, out=better)
        # Labels only grow along the loop, so that a maximum replaces a slow masked copy.
        np.multiply(better.view(np.uint8), np.uint8(label), out=candidate)
        np.maximum(labels, candidate, out=labels)
        np.maximum(best, plane, out=best)
    return labels
