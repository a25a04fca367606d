"""Structural similarity at several scales (Wang et al., Asilomar 2003)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from toolkit.builtins.losses.by_image import sum_over_images
from toolkit.builtins.losses.prediction import MaskedLogits, one_hot
from toolkit.builtins.losses.ssim import compare, gaussian, means_of

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of the scales in the paper, finest first."""

_FLOOR = 1e-3
"""Least similarity of a scale: below it, and below 0, a power has no usable slope."""


class MsSsim:
    """1 − the mean over images and classes of Π similarity^weight over the scales.

    Each scale halves the one before; the last compares luminance, contrast and structure, the
    others only the last two. There are as many as the window fits into, up to five, with the
    paper's exponents scaled to a sum of 1.

    Args:
        window: side of the window, pixels; odd.
        sigma: of its Gaussian weights, pixels.
    """

    def __init__(self, window: int = 11, sigma: float = 1.5) -> None:
        self._window = window
        self._kernel = gaussian(window, sigma)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        kernel = self._kernel.to(prediction.valid)
        weights = scale_weights(min(prediction.valid.shape[1:]), self._window)
        counts = prediction.valid.amax(dim=(1, 2))  # 1 for images with a pixel that counts
        n_images = counts.sum().clamp(min=1)

        def cost(index: int, probabilities: Tensor) -> Tensor:
            weight = prediction.valid[index : index + 1].unsqueeze(1)
            truth = one_hot(prediction.labels[index : index + 1], probabilities)
            similarity = _similarity(probabilities, truth, weight, kernel, weights)
            return counts[index] * (1 - similarity.mean()) / n_images

        return sum_over_images(prediction.probabilities, cost)


def scale_weights(side: int, window: int) -> list[float]:
    """Return the exponents of the scales of an image whose shorter side is `side`, sum 1."""
    scales = 1
    while scales < len(_WEIGHTS) and side // 2**scales >= window:
        scales += 1
    return [weight / sum(_WEIGHTS[:scales]) for weight in _WEIGHTS[:scales]]


def _similarity(
    first: Tensor, second: Tensor, weight: Tensor, kernel: Tensor, exponents: list[float]
) -> Tensor:
    """Return (1, C) of two images (1, C, H, W) whose pixels have weights (1, 1, H, W)."""
    product = first.new_ones(first.shape[:2])
    for index, exponent in enumerate(exponents):
        if index:
            first, second, weight = _halve(first, second, weight)
        similarity, structure = compare(first, second, means_of(weight, kernel))
        chosen = similarity if index == len(exponents) - 1 else structure
        mean = (chosen * weight).sum(dim=(2, 3)) / _divisor(weight.sum())
        product = product * mean.clamp(min=_FLOOR) ** exponent
    return product


def _halve(first: Tensor, second: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Average blocks of 2 × 2 pixels by their weight; an odd edge has smaller blocks."""
    total = functional.avg_pool2d(weight, 2, ceil_mode=True)
    divisor = _divisor(total)
    first, second = (
        functional.avg_pool2d(maps * weight, 2, ceil_mode=True) / divisor
        for maps in (first, second)
    )
    return first, second, total


def _divisor(total: Tensor) -> Tensor:
    return torch.where(total > 0, total, 1.0)
