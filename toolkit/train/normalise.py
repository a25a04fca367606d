"""Normalising uint8 pixels on the network's device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from toolkit.plugin.interfaces import Normalisation, PretrainedModel
from toolkit.recipe.schema import Data


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
        """Return float32 (B, channels, H, W) for uint8 on the device; keeps the layout."""
        return torch.addcmul(self._shift, images.float(), self._scale)


_ALIKE = 0.01
"""Differences up to this are roundings of the same figures."""


def weights_normalisation(model: nn.Module) -> Normalisation | None:
    """Return how images were normalised for a network's pretrained weights; None = not known."""
    return model.normalisation if isinstance(model, PretrainedModel) else None


def normalisation_warning(theirs: Normalisation | None, data: Data) -> str:
    """Say that a recipe normalises images otherwise than the weights of its network want them.

    Args:
        theirs: the normalisation that the weights were trained with; None = not known.
        data: of the recipe.

    Returns:
        One sentence with both; empty when they agree or the weights' own figures are not known.
    """
    if theirs is None or len(theirs.mean) != len(data.mean):  # it was adapted to other channels
        return ""
    pairs = zip((*theirs.mean, *theirs.std), (*data.mean, *data.std), strict=True)
    if max(abs(their - our) for their, our in pairs) <= _ALIKE:
        return ""
    return (
        f"data.mean = {_figures(data.mean)} and data.std = {_figures(data.std)}, but the network's "
        "weights were trained with others. To feed it as they were, set data.mean = "
        f"{_figures(theirs.mean)} and data.std = {_figures(theirs.std)}"
    )


def _figures(figures: Sequence[float]) -> str:
    return f"[{', '.join(f'{round(figure, 4)!r}' for figure in figures)}]"
