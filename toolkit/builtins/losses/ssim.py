"""Structural similarity of the probabilities and the target (Wang et al., IEEE TIP 2004).

Every class is an image of intensities 0…1. The means, variances and covariances around a pixel are
Gaussian-weighted over the pixels of the window that lie in the image and count: at its edge, beside
ignored pixels and in images smaller than the window they are those of what is there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from toolkit.builtins.losses.by_image import sum_over_images
from toolkit.builtins.losses.prediction import MaskedLogits, one_hot

_C1, _C2 = 0.01**2, 0.03**2
"""Constants of the paper for intensities up to 1."""

Means = Callable[[Tensor], Tensor]
"""Gaussian-weighted means around every pixel, (B, C, H, W) -> same."""


def gaussian(window: int, sigma: float) -> Tensor:
    """Return the weights of a window of odd length, float64 (window,), sum 1."""
    offsets = torch.arange(window, dtype=torch.float64) - window // 2
    weights = torch.exp(-(offsets**2) / (2 * sigma**2))
    return weights / weights.sum()


def blur(maps: Tensor, kernel: Tensor) -> Tensor:
    """Return Σ of (B, C, H, W) in the window around every pixel; outside the image is 0."""
    channels = maps.shape[1]
    if channels == 1:
        return blur(maps.expand(-1, 2, -1, -1), kernel)[:, :1]
    # Two or more contiguous channels: other convolutions may be given to cuDNN, which rounds to
    # TF32, and a variance smaller than 0.001 would be lost.
    kernel, margin = kernel.to(maps), len(kernel) // 2
    row = kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    rows = functional.conv2d(maps.contiguous(), row, padding=(0, margin), groups=channels)
    return functional.conv2d(rows, row.transpose(2, 3), padding=(margin, 0), groups=channels)


def means_of(weight: Tensor, kernel: Tensor) -> Means:
    """Return means over the pixels of weight (B, 1, H, W) above 0; 0 where there is none near."""
    total = blur(weight, kernel)
    scale = 1 / torch.where(total > 0, total, 1.0)
    return lambda maps: blur(maps * weight, kernel) * scale


def compare(first: Tensor, second: Tensor, means: Means) -> tuple[Tensor, Tensor]:
    """Return SSIM and its contrast–structure factor, each like `first` (B, C, H, W), −1…1."""
    mean, other_mean = means(first), means(second)
    product = mean * other_mean
    squares = mean**2, other_mean**2
    covariance = means(first * second) - product
    variances = means(first**2) - squares[0] + means(second**2) - squares[1]
    structure = (2 * covariance + _C2) / (variances + _C2)
    return (2 * product + _C1) / (squares[0] + squares[1] + _C1) * structure, structure


class Ssim:
    """Mean of (1 − SSIM) / 2 over classes and pixels that count, 0…1.

    Args:
        window: side of the window, pixels; odd.
        sigma: of its Gaussian weights, pixels.
    """

    def __init__(self, window: int = 11, sigma: float = 1.5) -> None:
        self._kernel = gaussian(window, sigma)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        kernel = self._kernel.to(prediction.valid)
        counted = prediction.valid.sum().clamp(min=1)

        def cost(index: int, probabilities: Tensor) -> Tensor:
            valid = prediction.valid[index : index + 1]
            truth = one_hot(prediction.labels[index : index + 1], probabilities)
            similarity, _ = compare(probabilities, truth, means_of(valid.unsqueeze(1), kernel))
            return ((1 - similarity).mean(dim=1) * valid).sum() / (2 * counted)

        return sum_over_images(prediction.probabilities, cost)


class LegacySsim:
    """The SSIM term of the original solution: a number without gradient.

    It compares the predicted label ids with those of the target as if they were intensities up to
    1, with zeros around the image, and cuts 1 − SSIM to 0…1 before it is halved.

    Args:
        window: side of the window, pixels; odd.
        sigma: of its Gaussian weights, pixels.
    """

    def __init__(self, window: int = 11, sigma: float = 1.5) -> None:
        self._kernel = gaussian(window, sigma)

    @torch.no_grad()
    def __call__(self, prediction: MaskedLogits) -> Tensor:
        valid = prediction.valid
        predicted = prediction.log_probabilities.max(dim=1).indices
        first, second = ((ids * valid).unsqueeze(1) for ids in (predicted, prediction.labels))
        similarity, _ = compare(first, second, lambda maps: blur(maps, self._kernel))
        return prediction.mean((1 - similarity.squeeze(1)).clamp(0, 1) / 2)
