"""Elastic deformation (Simard, Steinkraus, Platt 2003)."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample


class Elastic:
    """Moves every pixel by a smooth random field, after a small random affine map.

    The field is uniform noise in −1…1, smoothed with a Gaussian, times alpha; the affine map moves
    three points around the centre. Both are applied in one resampling.

    Args:
        alpha: size of the field, pixels before smoothing.
        sigma: standard deviation of the Gaussian, pixels.
        affine: how far each of the three points moves at most along each axis, pixels.
    """

    def __init__(self, alpha: float, sigma: float, affine: float) -> None:
        self._alpha = alpha
        self._sigma = sigma
        self._affine = affine

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample.mask.shape
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        x += self._field((height, width), rng)
        y += self._field((height, width), rng)
        (a, b, c), (d, e, f) = self._source_of(height, width, rng)
        x, y = a * x + b * y + c, d * x + e * y + f
        return replace(
            sample,
            image=_moved(sample.image, x, y, cv2.INTER_LINEAR),
            mask=_moved(sample.mask, x, y, cv2.INTER_NEAREST),
        )

    def _field(self, shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        noise = rng.random(shape, dtype=np.float32) * 2 - 1
        # An explicit odd size: OpenCV's own choice for float images is smaller than 4 sigma.
        side = 2 * int(4 * self._sigma + 0.5) + 1
        smooth = cv2.GaussianBlur(noise, (side, side), self._sigma)
        return np.asarray(smooth * np.float32(self._alpha), dtype=np.float32)

    def _source_of(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the 2 × 3 map from places in the result to places in the input."""
        centre = np.array([width / 2, height / 2], dtype=np.float32)
        reach = min(height, width) / 3
        corners = np.array([[reach, reach], [reach, -reach], [-reach, -reach]], dtype=np.float32)
        points = centre + corners
        moved = points + rng.uniform(-self._affine, self._affine, points.shape).astype(np.float32)
        return np.asarray(cv2.getAffineTransform(moved, points), dtype=np.float32)


def _moved(
    array: NDArray[np.uint8], x: NDArray[np.float32], y: NDArray[np.float32], interpolation: int
) -> NDArray[np.uint8]:
    moved = cv2.remap(array, x, y, interpolation, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)
