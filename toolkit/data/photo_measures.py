"""What photos look like in figures: their histograms, and a few figures of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.channels import rgb_picture
from toolkit.data.resize import resize_image
from toolkit.plugin.component import N_RGB

LEVELS = 256
_VALUES = np.arange(LEVELS)
_DETAIL_SIDE = 128
"""Pixels of the square that detail is measured in: as the network sees it, not as the file is."""


@dataclass(frozen=True)
class PhotoMeasures:
    """Figures of some photos.

    Attributes:
        histograms: share of the pixels of each photo with each value, float64 (photos, channels,
            256); each sums to 1.
        detail: mean difference of a pixel and its four neighbours, in grey at 128 x 128 pixels,
            float64 (photos,), grey levels.
        saturation: mean of (largest − smallest channel), float64 (photos,), grey levels; NaN for
            photos that are not RGB.
    """

    histograms: NDArray[np.float64]
    detail: NDArray[np.float64]
    saturation: NDArray[np.float64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean of each channel of each photo, (photos, channels), 0…255."""
        return np.asarray(self.histograms @ _VALUES)

    @property
    def brightness(self) -> NDArray[np.float64]:
        """Mean of all values of each photo, (photos,), 0…255."""
        return np.asarray(self.means.mean(axis=1))

    @property
    def contrast(self) -> NDArray[np.float64]:
        """Standard deviation of all values of each photo, (photos,), grey levels."""
        pooled = self.histograms.mean(axis=1)
        return np.asarray(np.sqrt(np.maximum(pooled @ _VALUES**2 - self.brightness**2, 0)))

    @property
    def histogram(self) -> NDArray[np.float64]:
        """Share of all pixels with each value, (channels, 256); each photo counts the same."""
        return np.asarray(self.histograms.mean(axis=0))

    @property
    def mean_and_std(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of each channel, 0…1, as `data.mean` and `data.std` are.

        Each photo counts the same: at the size of the network's input they are of one size.
        """
        mean = self.histogram @ _VALUES
        square = self.histogram @ _VALUES**2
        return mean / 255, np.sqrt(np.maximum(square - mean**2, 0)) / 255


def measure(photos: Sequence[tuple[NDArray[np.float64], float, float]]) -> PhotoMeasures:
    """Return the measures of photos, each from `measure_photo`; at least one."""
    return PhotoMeasures(
        np.stack([histogram for histogram, _, _ in photos]),
        np.array([detail for _, detail, _ in photos]),
        np.array([saturation for _, _, saturation in photos]),
    )


def measure_photo(image: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float, float]:
    """Return (histogram, detail, saturation) of a photo, see `PhotoMeasures`.

    Args:
        image: uint8 (H, W, channels).
    """
    height, width, channels = image.shape
    counts = np.stack(
        [
            cv2.calcHist([image], [channel], None, [LEVELS], [0, LEVELS]).ravel()
            for channel in range(channels)
        ]
    )
    histogram = counts.astype(np.float64) / (height * width)
    small = resize_image(rgb_picture(image), (_DETAIL_SIDE, _DETAIL_SIDE))
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean() / 4)
    spread = small.max(axis=2).astype(np.float64) - small.min(axis=2)
    return histogram, detail, float(spread.mean()) if channels == N_RGB else float("nan")
