"""Parts of a sample, resized to the network's input."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, sqrt

import numpy as np

from toolkit import Sample
from toolkit.data.resize import resize_image, resize_labels

_TRIES = 10


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


class ResizedCrop:
    """Cuts out a part of random area and proportions anywhere, as torchvision's RandomResizedCrop.

    Its logarithm of width / height is uniform. Area and proportions are drawn anew, ten times at
    most, until the part fits; then it is the largest part in the middle that `ratio` allows.

    Args:
        scale: smallest and largest share of the area.
        ratio: smallest and largest width / height of the part.
        size: (height, width) that the part is resized to.
    """

    def __init__(
        self, scale: tuple[float, float], ratio: tuple[float, float], size: tuple[int, int]
    ) -> None:
        self._scale = scale
        self._ratio = ratio
        self._size = size

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        rows, columns = sample.mask.shape
        for _ in range(_TRIES):
            area = rows * columns * rng.uniform(*self._scale)
            ratio = exp(rng.uniform(log(self._ratio[0]), log(self._ratio[1])))
            height, width = round(sqrt(area / ratio)), round(sqrt(area * ratio))
            if 0 < height <= rows and 0 < width <= columns:
                top, left = (
                    int(rng.integers(whole - part + 1))
                    for whole, part in ((rows, height), (columns, width))
                )
                return cut(sample, top, left, height, width, self._size)
        ratio = min(max(columns / rows, self._ratio[0]), self._ratio[1])
        height, width = min(rows, round(columns / ratio)), min(columns, round(rows * ratio))
        height, width = max(height, 1), max(width, 1)
        return cut(sample, (rows - height) // 2, (columns - width) // 2, height, width, self._size)


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
        image=resize_image(sample.image[part], size),
        mask=resize_labels(sample.mask[part], size),
    )
