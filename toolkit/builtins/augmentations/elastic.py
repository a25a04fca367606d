"""Elastic deformation (Simard, Steinkraus, Platt 2003)."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample
from toolkit.builtins.augmentations.warps import Places, move_pixels

_FINEST = 2
"""Smallest sigma, in cells, at which a coarser grid loses nothing: what a Gaussian of 2 cells lets
through beyond the grid's highest frequency is exp(-π² 2²/2), 3e-9."""
_REACH = 2
"""Cells to either side that cubic interpolation looks at."""


@dataclass(frozen=True)
class Field:
    """A smooth field of displacements along one axis, on a grid of square cells.

    Attributes:
        values: float32 (rows, columns), pixels.
        cell: side of a cell, pixels.
    """

    values: NDArray[np.float32]
    cell: int

    def at(self, rows: slice, width: int) -> NDArray[np.float32]:
        """Return the displacement of every pixel in a slice of rows, interpolated cubically."""
        if self.cell == 1:
            return self.values[rows]
        first = max(rows.start // self.cell - _REACH, 0)
        last = min(-(-rows.stop // self.cell) + _REACH, len(self.values))
        size = self.values.shape[1] * self.cell, (last - first) * self.cell
        fine = cv2.resize(self.values[first:last], size, interpolation=cv2.INTER_CUBIC)
        offset = first * self.cell
        return np.asarray(fine[rows.start - offset : rows.stop - offset, :width], dtype=np.float32)


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
        right, down = self.field((height, width), rng), self.field((height, width), rng)
        (a, b, c), (d, e, f) = self._source_of(height, width, rng)
        columns = np.arange(width, dtype=np.float32)
        lines = np.arange(height, dtype=np.float32)[:, None]

        def places(rows: slice) -> tuple[Places, Places]:
            x, y = columns + right.at(rows, width), lines[rows] + down.at(rows, width)
            return a * x + b * y + c, d * x + e * y + f

        return move_pixels(sample, places)

    def field(self, shape: tuple[int, int], rng: np.random.Generator) -> Field:
        """Return the displacements along one axis for an image of `shape` (height, width).

        Where sigma is large, the noise is drawn and smoothed in cells of several pixels: smoothed
        noise has a standard deviation in proportion to 1 / sigma, so in cells it is `cell` times
        too large.
        """
        cell = max(1, int(self._sigma // _FINEST))
        rows, columns = -(-shape[0] // cell), -(-shape[1] // cell)
        noise = rng.random((rows, columns), dtype=np.float32) * 2 - 1
        noise *= np.float32(self._alpha / cell)
        sigma = self._sigma / cell
        # An explicit odd size: OpenCV's own choice for float images is smaller than 4 sigma.
        side = 2 * int(4 * sigma + 0.5) + 1
        smooth = cv2.GaussianBlur(noise, (side, side), sigma)
        return Field(np.asarray(smooth, dtype=np.float32), cell)

    def _source_of(self, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the 2 × 3 map from places in the result to places in the input."""
        centre = np.array([width / 2, height / 2], dtype=np.float32)
        reach = min(height, width) / 3
        corners = np.array([[reach, reach], [reach, -reach], [-reach, -reach]], dtype=np.float32)
        points = centre + corners
        moved_points = points + rng.uniform(-self._affine, self._affine, points.shape)
        transform = cv2.getAffineTransform(moved_points.astype(np.float32), points)
        return np.asarray(transform, dtype=np.float32)
