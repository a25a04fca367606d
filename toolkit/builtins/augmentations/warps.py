"""Augmentations that move every pixel a little: image and labels in one resampling each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample

Places = NDArray[np.float32]
_ROWS = 32
"""Rows that are moved at a time: their places stay in the cache, and large temporary arrays, which
the system hands out and takes back page by page, would cost more than the resampling."""


def move_pixels(sample: Sample, places: Callable[[slice], tuple[Places, Places]]) -> Sample:
    """Return the sample with every pixel taken from elsewhere.

    The image is interpolated linearly, labels are taken from the nearest pixel; places outside
    mirror the picture.

    Args:
        sample: where pixels are taken from.
        places: for a slice of rows, the column and the row that each of their pixels comes from,
            float32 (rows, width) each.
    """
    image, mask = np.empty_like(sample.image), np.empty_like(sample.mask)
    border = cv2.BORDER_REFLECT_101
    for start in range(0, mask.shape[0], _ROWS):
        rows = slice(start, min(start + _ROWS, mask.shape[0]))
        x, y = places(rows)
        # Fixed-point places (1/32 pixel) make the image 1.4 times quicker; labels would be cut off
        # to whole pixels, not rounded.
        fixed, part = cv2.convertMaps(x, y, cv2.CV_16SC2)
        cv2.remap(sample.image, fixed, part, cv2.INTER_LINEAR, dst=image[rows], borderMode=border)
        cv2.remap(sample.mask, x, y, cv2.INTER_NEAREST, dst=mask[rows], borderMode=border)
    return replace(sample, image=image, mask=mask)


class GridDistortion:
    """Stretches and squeezes the columns and the rows of a grid; the frame stays where it is.

    Args:
        steps: cells along each axis.
        limit: a cell takes its pixels from 1 ± limit times its size, before all are scaled to fit.
    """

    def __init__(self, steps: int, limit: float) -> None:
        self._steps = steps
        self._limit = limit

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample.mask.shape
        x, y = self._sources(width, rng), self._sources(height, rng)

        def places(rows: slice) -> tuple[Places, Places]:
            columns, lines = np.meshgrid(x, y[rows])
            return columns, lines

        return move_pixels(sample, places)

    def _sources(self, length: int, rng: np.random.Generator) -> Places:
        """Return where each of `length` pixels along one axis comes from."""
        sizes = rng.uniform(1 - self._limit, 1 + self._limit, self._steps)
        ends = np.concatenate([[0.0], np.cumsum(sizes)]) * (length - 1) / sizes.sum()
        lines = np.linspace(0, length - 1, self._steps + 1)
        return np.asarray(np.interp(np.arange(length), lines, ends), dtype=np.float32)


class OpticalDistortion:
    """Bends the image as a lens does: a pixel at r from the centre comes from r (1 + k r² + k r⁴).

    r is (dx / width, dy / height); the polynomial is that of OpenCV's camera model (Brown 1966).

    Args:
        limit: k is drawn from ± limit.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample.mask.shape
        k = np.float32(rng.uniform(-self._limit, self._limit))
        middle_x, middle_y = np.float32((width - 1) / 2), np.float32((height - 1) / 2)
        dx = np.arange(width, dtype=np.float32) - middle_x
        dy = np.arange(height, dtype=np.float32)[:, None] - middle_y

        def places(rows: slice) -> tuple[Places, Places]:
            squared = np.square(dx / width) + np.square(dy[rows] / height)
            factor = 1 + k * squared * (1 + squared)
            return dx * factor + middle_x, dy[rows] * factor + middle_y

        return move_pixels(sample, places)
