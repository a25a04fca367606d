"""From uint8 pixels to the numbers that a network expects, on the network's device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class Normalise:
    """(pixels / 255 - mean) / std, as one multiplication and one addition per pixel.

    Args:
        mean: per channel, on images in 0…1.
        std: per channel, on images in 0…1.
        device: where the images will be.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        deviation = torch.tensor(std, dtype=torch.float64).view(1, -1, 1, 1)
        centre = torch.tensor(mean, dtype=torch.float64).view(1, -1, 1, 1)
        self._scale = (1 / (255 * deviation)).float().to(device)
        self._shift = (-centre / deviation).float().to(device)

    def __call__(self, images: Tensor) -> Tensor:
        """Return float32 (B, 3, H, W) for uint8 (B, 3, H, W) on the device; keeps the layout."""
        return torch.addcmul(self._shift, images.float(), self._scale)
