"""Pixels near the boundary of their class: what the Boundary IoU looks at.

Cheng, Girshick, Dollár, Berg, Kirillov: Boundary IoU (CVPR 2021, arXiv:2103.16562).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def boundary_width(size: tuple[int, int], ratio: float) -> int:
    """Return how many pixels from a boundary are near it: a share of the diagonal, at least 1."""
    return max(1, round(ratio * math.hypot(*size)))


def near_boundary(
    labels: NDArray[np.uint8], width: int, ignored: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Return which pixels have another label at most `width` pixels away, bool (H, W).

    A pixel's neighbours are the eight around it, and beyond the edge of an image is another label,
    as in the paper's code: there, a mask is eroded `width` times by a square of 3 × 3.

    Args:
        labels: uint8 (H, W).
        width: in pixels, at least 1.
        ignored: bool (H, W), pixels whose label is not known: they are near to none, and none is
            near to them.
    """
    import cv2  # most commands count nothing, and start without it

    lowest = highest = labels
    if ignored is not None:
        lowest = np.where(ignored, np.uint8(255), labels)
        highest = np.where(ignored, np.uint8(0), labels)
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    # Pixels outside of the image change neither a minimum nor a maximum in OpenCV.
    near: NDArray[np.bool_] = np.not_equal(cv2.erode(lowest, square), cv2.dilate(highest, square))
    for edge in (near[:width], near[-width:], near[:, :width], near[:, -width:]):
        edge[:] = True
    if ignored is not None:
        near &= ~ignored
    return near
