"""An image in overlapping windows, and their maps blended into one.

Windows are spread evenly over the image. Where they overlap, their probabilities are added with
weights that fall to nothing towards a window's edge, where a network sees least around a pixel: the
product of one sin² per axis (Pielawski & Wählby 2020, "Introducing Hann windows for reducing
edge-effects in patch-based image segmentation"). Weights that are products over a grid of windows
also sum up per axis, so that each axis is made to sum to 1 alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Axis:
    """The windows along one side of an image.

    Attributes:
        side: pixels of the image.
        window: pixels of a window; a smaller image is surrounded by its own reflection.
        overlap: least share of a window that it has in common with the next one, below 1.
    """

    side: int
    window: int
    overlap: float

    @property
    def border(self) -> tuple[int, int]:
        """Pixels before and behind the image that make it as large as a window."""
        missing = max(self.window - self.side, 0)
        return missing // 2, missing - missing // 2

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where each window begins in the padded image: the first at 0, the last at its end."""
        rest = max(self.side, self.window) - self.window
        step = max(1, int(self.window * (1 - self.overlap)))
        n_steps = ceil(rest / step)
        return tuple(round(i * rest / n_steps) for i in range(n_steps + 1)) if rest else (0,)

    @cached_property
    def shares(self) -> tuple[NDArray[np.float32], ...]:
        """Weight of every pixel of each window, (window,): at every place they sum to 1."""
        weights = np.sin(np.pi * (np.arange(self.window) + 0.5) / self.window) ** 2
        total = np.zeros(max(self.side, self.window))
        for start in self.starts:
            total[start : start + self.window] += weights
        return tuple(
            (weights / total[start : start + self.window]).astype(np.float32)
            for start in self.starts
        )


@dataclass(frozen=True)
class Tiles:
    """The windows of one image: `rows` by `columns`."""

    rows: Axis
    columns: Axis

    def __len__(self) -> int:
        return len(self.rows.starts) * len(self.columns.starts)

    def cut(self, image: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
        """Yield the windows (h, w, 3) of an image (H, W, 3), row by row."""
        borders = (self.rows.border, self.columns.border, (0, 0))
        if any(map(any, borders)):
            image = np.pad(image, borders, mode="reflect")
        for top, left in product(self.rows.starts, self.columns.starts):
            yield image[top : top + self.rows.window, left : left + self.columns.window]

    def blend(self, maps: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the map of the image, float32 (C, H, W), from those of its windows in order.

        No more than this map and one window's are in memory.
        """
        rows = zip(self.rows.starts, self.rows.shares, strict=True)
        columns = tuple(zip(self.columns.starts, self.columns.shares, strict=True))
        size = [max(axis.side, axis.window) for axis in (self.rows, self.columns)]
        total: NDArray[np.float32] | None = None
        for ((top, down), (left, across)), each in zip(product(rows, columns), maps, strict=True):
            if total is None:
                total = np.zeros((len(each), *size), np.float32)
            share = down[:, None] * across
            total[:, top : top + len(down), left : left + len(across)] += each * share
        assert total is not None
        top, left = self.rows.border[0], self.columns.border[0]
        return total[:, top : top + self.rows.side, left : left + self.columns.side]
