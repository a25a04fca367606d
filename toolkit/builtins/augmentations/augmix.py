"""AugMix (Hendrycks et al. 2020, arXiv:1912.02781) with operations that leave pixels in place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit import Sample

Image = NDArray[np.uint8]
_STRONGEST = 10
"""Levels reach from 0 to 10, as in the paper."""


class AugMix:
    """Blends the image with a mixture of chains of random colour operations; labels stay.

    With w ~ Dirichlet(alpha, …, alpha) and m ~ Beta(alpha, alpha) the result is
    (1 − m) image + m Σ wᵢ chainᵢ(image), rounded. The paper's rotations, shears and shifts are left
    out: labels cannot follow a blend of several positions.

    Args:
        chains: number of chains.
        depth: fewest and most operations in a chain.
        severity: an operation's level is drawn from 0.1 to this, 0.1…10.
        alpha: concentration of both distributions.
    """

    def __init__(self, chains: int, depth: tuple[int, int], severity: float, alpha: float) -> None:
        self._chains = chains
        self._depth = depth
        self._severity = severity
        self._alpha = alpha

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        weights = rng.dirichlet([self._alpha] * self._chains)
        blend = rng.beta(self._alpha, self._alpha)
        mixed = np.multiply(sample.image, np.float32(1 - blend), dtype=np.float32)
        for weight in weights:
            chained = self._apply_chain(sample.image, rng)
            cv2.addWeighted(chained, blend * weight, mixed, 1, 0, dst=mixed, dtype=cv2.CV_32F)
        image = cv2.convertScaleAbs(mixed)  # rounds
        return replace(sample, image=np.asarray(image, dtype=np.uint8))

    def _apply_chain(self, image: Image, rng: np.random.Generator) -> Image:
        for _ in range(int(rng.integers(self._depth[0], self._depth[1] + 1))):
            operation = OPERATIONS[int(rng.integers(len(OPERATIONS)))]
            level = rng.uniform(min(0.1, self._severity), self._severity) / _STRONGEST
            image = operation(image, float(level), rng)
        return image


def autocontrast(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Stretch every channel to 0…255."""
    tables = np.tile(np.arange(256, dtype=np.float32)[:, None], 3)
    for channel in range(3):
        lowest, highest, _, _ = cv2.minMaxLoc(image[..., channel])
        if highest > lowest:
            tables[:, channel] = (tables[:, channel] - lowest) * (255 / (highest - lowest))
    return _apply_table(image, tables)


def equalize(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Give every channel a flat histogram."""
    channels = [cv2.equalizeHist(channel) for channel in cv2.split(image)]
    return np.asarray(cv2.merge(channels), dtype=np.uint8)


def posterize(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Keep the highest 4 − 4 level bits, at least one."""
    bits = max(1, 4 - int(4 * level))
    return image & np.uint8(256 - (1 << (8 - bits)))


def solarize(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Invert the values of at least 256 − 256 level."""
    values = np.arange(256, dtype=np.float32)
    return _apply_table(image, np.where(values >= 256 - int(256 * level), 255 - values, values))


def brightness(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Scale the values."""
    return _apply_table(image, np.arange(256, dtype=np.float32) * _factor(level, rng))


def contrast(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Scale the distance of the values from the image's mean grey."""
    mean = round(float(cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]))
    return _apply_table(
        image, mean + (np.arange(256, dtype=np.float32) - mean) * _factor(level, rng)
    )


def colour(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Scale the distance of every pixel from its grey."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return _apart(image, grey, _factor(level, rng))


def sharpness(image: Image, level: float, rng: np.random.Generator) -> Image:
    """Scale the distance of the image from its smooth version; below 1 it becomes blurred."""
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], dtype=np.float32) / 13
    return _apart(image, cv2.filter2D(image, -1, kernel), _factor(level, rng))


OPERATIONS: tuple[Callable[[Image, float, np.random.Generator], Image], ...] = (
    autocontrast,
    equalize,
    posterize,
    solarize,
    brightness,
    contrast,
    colour,
    sharpness,
)
"""The paper's operations that leave pixels in place, and those it kept for its larger set."""


def _factor(level: float, rng: np.random.Generator) -> float:
    """Return 1 ± 0.9 level, both equally likely."""
    return float(1 + (0.9 * level if rng.random() < 0.5 else -0.9 * level))


def _apart(image: Image, base: Any, factor: float) -> Image:
    """Return base + factor (image − base), rounded and limited to 0…255."""
    return np.asarray(cv2.addWeighted(image, factor, base, 1 - factor, 0.0), dtype=np.uint8)


def _apply_table(image: Image, table: NDArray[np.float32]) -> Image:
    """Map every value by a table (256,) or (256, 3), rounded and limited to 0…255."""
    values = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    # One table for all channels is quicker than one for each.
    return np.asarray(cv2.LUT(image, values if values.ndim == 1 else values[None]), dtype=np.uint8)
