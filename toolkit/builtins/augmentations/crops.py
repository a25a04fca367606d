"""Parts of a sample, resized to the network's input."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample


class SizedCrop:
    """Cuts out a part of random side anywhere; it has the proportions of `size`.

    Args:
        sides: smallest and largest shorter side of the part, pixels.
        size: (height, width) that the part is resized to.
    """

    def __init__(self, sides: tuple[int, int], size: tuple[int, int]) -> None:
        self._sides = sides
        self._size = size

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        side = int(rng.integers(self._sides[0], self._sides[1] + 1))
        height, width = part_of(side, self._size, sample.mask.shape)
        top = int(rng.integers(sample.mask.shape[0] - height + 1))
        left = int(rng.integers(sample.mask.shape[1] - width + 1))
        return cut(sample, top, left, height, width, self._size)


class NonEmptyCrop:
    """Cuts out a part that holds a foreground pixel, if the sample has any.

    The pixel is drawn from all foreground pixels, and so is its place in the part: large objects
    are met more often, and at any place.

    Args:
        side: shorter side of the part, pixels.
        size: (height, width) that the part is resized to.
        ignore_index: label of pixels that are no foreground.
    """

    def __init__(self, side: int, size: tuple[int, int], ignore_index: int) -> None:
        self._side = side
        self._size = size
        self._ignore_index = ignore_index

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = part_of(self._side, self._size, sample.mask.shape)
        foreground = np.flatnonzero((sample.mask != 0) & (sample.mask != self._ignore_index))
        lengths = zip(sample.mask.shape, (height, width), strict=True)
        if len(foreground) == 0:
            top, left = (int(rng.integers(whole - part + 1)) for whole, part in lengths)
        else:
            chosen = foreground[rng.integers(len(foreground))]
            place = divmod(int(chosen), sample.mask.shape[1])
            top, left = (
                min(max(at - int(rng.integers(part)), 0), whole - part)
                for at, (whole, part) in zip(place, lengths, strict=True)
            )
        return cut(sample, top, left, height, width, self._size)


def part_of(side: int, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (height, width) of the part with that shorter side and the proportions of `size`.

    It never exceeds `shape`, that of the mask.
    """
    shorter = min(size)
    height, width = (round(side * length / shorter) for length in size)
    return min(height, shape[0]), min(width, shape[1])


def cut(
    sample: Sample, top: int, left: int, height: int, width: int, size: tuple[int, int]
) -> Sample:
    """Return a part of the sample, resized to `size` (height, width)."""
    part = slice(top, top + height), slice(left, left + width)
    return replace(
        sample,
        image=_resized(sample.image[part], size, cv2.INTER_LINEAR),
        # The exact one has its pixel centres where linear interpolation has them.
        mask=_resized(sample.mask[part], size, cv2.INTER_NEAREST_EXACT),
    )


def _resized(
    array: NDArray[np.uint8], size: tuple[int, int], interpolation: int
) -> NDArray[np.uint8]:
    resized = cv2.resize(array, (size[1], size[0]), interpolation=interpolation)
    return np.asarray(resized, dtype=np.uint8)
