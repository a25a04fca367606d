"""Removing regions that are too small to be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.postprocess.labels import argmax_labels

_CONNECTIVITY = 8


@dataclass(frozen=True)
class MinArea:
    """Connected regions of one label smaller than its `pixels` lose that label.

    Their pixels go to their next best class each; a pixel whose class had everything goes to the
    label that surrounds the region most. Regions are those of the map as it comes in (pixels that
    touch at a corner are connected), background included, so that small holes are filled; a region
    that appears through the change itself is left alone.

    Args:
        pixels: for each class, the smallest area that stays.
    """

    pixels: tuple[int, ...]

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W) -> float32 (C, H, W), sums to 1 over C; `image` is not looked at."""
        labels = argmax_labels(probabilities)
        changed = probabilities.copy()
        for label in np.unique(labels).tolist():
            for region in _small_regions(labels == label, self.pixels[label]):
                around = _most_around(region, labels)
                if around is not None:
                    plane = changed[(slice(None), *region.box)]
                    plane[label][region.mask] = 0
                    plane[around][region.mask & (plane.sum(axis=0) <= 0)] = 1
        changed /= changed.sum(axis=0)
        return changed


@dataclass(frozen=True)
class _Region:
    box: tuple[slice, slice]
    """Rows and columns of the region and, inside the image, one pixel around it."""
    mask: NDArray[np.bool_]
    """The region inside the box."""


def _small_regions(mask: NDArray[np.bool_], pixels: int) -> Iterator[_Region]:
    _, regions, statistics, _ = cv2.connectedComponentsWithStats(
        mask.view(np.uint8), connectivity=_CONNECTIVITY
    )
    for number, (left, top, width, height, area) in enumerate(statistics.tolist()):
        if number > 0 and area < pixels:  # 0 is everything outside the mask
            rows = slice(max(top - 1, 0), top + height + 1)
            columns = slice(max(left - 1, 0), left + width + 1)
            yield _Region((rows, columns), regions[rows, columns] == number)


def _most_around(region: _Region, labels: NDArray[np.uint8]) -> int | None:
    """Return the label that touches the region most, or None when it is the whole image."""
    grown = cv2.dilate(region.mask.view(np.uint8), np.ones((3, 3), np.uint8)).view(np.bool_)
    touching = labels[region.box][grown & ~region.mask]
    return int(np.bincount(touching).argmax()) if touching.size else None
