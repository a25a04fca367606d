"""Augmentations on a grid of cells: some are blanked, or all change places."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample


class GridMask:
    """Blanks a square in every cell of a grid that lies at a random offset (arXiv:2001.04086).

    The cells are height / cells by width / cells pixels, also where that is no whole number.

    Args:
        cells: along each axis.
        ratio: side of the square, share of the cell.
        mode: "corner" blanks the square at one corner of the cell, "inverse" everything else, "two"
            also a second square at the opposite corner.
    """

    def __init__(self, cells: int, ratio: float, mode: str) -> None:
        self._cells = cells
        self._ratio = ratio
        self._mode = mode

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        rows, columns = (self._places(length, rng) for length in sample.mask.shape)
        blank = np.logical_and.outer(rows < self._ratio, columns < self._ratio)
        if self._mode == "two":
            start = 1 - self._ratio
            blank |= np.logical_and.outer(rows >= start, columns >= start)
        keep = blank if self._mode == "inverse" else ~blank
        return replace(sample, image=_blank_out(sample.image, keep))

    def _places(self, length: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return where in its cell each of `length` pixels lies, 0…1."""
        return (np.arange(length) * self._cells / length + rng.random()) % 1


class HideAndSeek:
    """Blanks random cells of a grid (arXiv:1704.04232), black as the original.

    Args:
        cells: sides of a cell in pixels; one is drawn for every sample, 0 = leave it alone.
        share: probability with which a cell is blanked.
    """

    def __init__(self, cells: list[int], share: float) -> None:
        self._cells = cells
        self._share = share

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        side = self._cells[int(rng.integers(len(self._cells)))]
        if side == 0:
            return sample
        height, width = sample.mask.shape
        kept = rng.random((-(-height // side), -(-width // side))) >= self._share
        keep = kept.repeat(side, axis=0)[:height].repeat(side, axis=1)[:, :width]
        return replace(sample, image=_blank_out(sample.image, keep))


class GridShuffle:
    """Lets the cells of a grid change places at random, image and labels alike.

    Where the size does not divide, cells differ by one pixel: a cell then takes its size from the
    place it comes to, so the line beside it is seen twice or not at all.

    Args:
        cells: along each axis.
    """

    def __init__(self, cells: int) -> None:
        self._cells = cells

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        n = self._cells
        order = rng.permutation(n * n)
        (tops, heights), (lefts, widths) = (_parts(length, n) for length in sample.mask.shape)
        image, mask = np.empty_like(sample.image), np.empty_like(sample.mask)
        for place, source in enumerate(order.tolist()):
            row, column = divmod(place, n)
            from_row, from_column = divmod(source, n)
            height, width = heights[row], widths[column]
            here = _slices(tops[row], lefts[column], height, width)
            there = _slices(tops[from_row], lefts[from_column], height, width)
            image[here] = sample.image[there]
            mask[here] = sample.mask[there]
        return replace(sample, image=image, mask=mask)


def _parts(length: int, n: int) -> tuple[list[int], list[int]]:
    """Return starts and lengths of n nearly equal parts; the last is never shorter than others."""
    ends = [length * part // n for part in range(n + 1)]
    return ends[:-1], [end - start for start, end in pairwise(ends)]


def _slices(top: int, left: int, height: int, width: int) -> tuple[slice, slice]:
    return slice(top, top + height), slice(left, left + width)


def _blank_out(image: NDArray[np.uint8], keep: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the image, black where `keep` is false."""
    # Ten times quicker than indexing with a boolean (H, W) array.
    kept = cv2.copyTo(image, keep.view(np.uint8), np.zeros_like(image))
    return np.asarray(kept, dtype=np.uint8)
