"""Patches of like colour ("superpixels") agree on their probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_ROUNDS = 5


@dataclass(frozen=True)
class SuperpixelVote:
    """Mixes each pixel's probabilities with the mean of its superpixel.

    Args:
        size: side of a superpixel, about, pixels.
        compactness: difference of colour (CIELAB units) that weighs as much as `size` pixels.
        weight: 0…1, share of the superpixel's mean.
    """

    size: int
    compactness: float
    weight: float

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W), `image` uint8 RGB (H, W, 3) -> float32 (C, H, W), sums to 1 over C."""
        patches = superpixels(image, self.size, self.compactness)
        means = mean_of_patches(probabilities, patches, int(patches.max()) + 1)
        mixed = probabilities * np.float32(1 - self.weight)
        for plane, mean in zip(mixed, means * np.float32(self.weight), strict=True):
            plane += mean[patches]
        return mixed


def superpixels(image: NDArray[np.uint8], size: int, compactness: float) -> NDArray[np.intp]:
    """Return the number of the patch that each pixel belongs to.

    SLIC (Achanta et al., "SLIC Superpixels Compared to State-of-the-Art", 2012): k-means of colour
    and place from a regular grid of centres. A pixel chooses among the nine centres that began
    around it, so that its time does not grow with the number of patches; a patch may have parts
    that are cut off.

    Args:
        image: uint8 (H, W, 3), RGB.
        size: distance of the first centres, pixels.
        compactness: difference of colour (CIELAB units) that weighs as much as `size` pixels.

    Returns:
        Integers (H, W) from 0; not every number need occur.
    """
    height, width = image.shape[:2]
    grid = max(round(height / size), 1), max(round(width / size), 1)
    rows, columns = np.indices((height, width), dtype=np.float32)
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    place = np.float32(compactness / size)
    planes = np.stack([*lab.transpose(2, 0, 1), rows * place, columns * place])

    cell_row = (np.arange(height) * grid[0] // height)[:, None]
    cell_column = (np.arange(width) * grid[1] // width)[None, :]
    patches: NDArray[np.intp] = cell_row * grid[1] + cell_column
    for _ in range(_ROUNDS):
        centres = mean_of_patches(planes, patches, grid[0] * grid[1])
        nearest = np.full((height, width), np.inf, np.float32)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                candidate = (cell_row + down).clip(0, grid[0] - 1) * grid[1] + (
                    cell_column + right
                ).clip(0, grid[1] - 1)
                distance = np.zeros_like(nearest)
                for plane, centre in zip(planes, centres, strict=True):
                    distance += np.square(plane - centre[candidate])
                closer = distance < nearest  # never to a centre that has lost all its pixels
                np.copyto(nearest, distance, where=closer)
                np.copyto(patches, candidate, where=closer)
    return patches


def mean_of_patches(
    planes: NDArray[np.float32], patches: NDArray[np.intp], n_patches: int
) -> NDArray[np.float32]:
    """Average (K, H, W) over each patch; returns (K, n_patches), NaN for a patch of no pixels."""
    flat = patches.ravel()
    counts = np.bincount(flat, minlength=n_patches)
    sums = np.stack([np.bincount(flat, plane.ravel(), n_patches) for plane in planes])
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float32] = (sums / counts).astype(np.float32)
    return means
