"""Hierarchical multi-scale attention (Tao, Sapra & Catanzaro, arXiv:2005.10821)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.builtins.models.convolutions import conv_norm
from toolkit.builtins.models.resizing import resize_maps
from toolkit.plugin.interfaces import PretrainedModel

_TRAINING_SCALES = (0.5, 1.0)
_HIDDEN = 32
_CELL = 4


class MultiScale(nn.Module):
    """Runs a network on resized images and mixes its logits, pixel by pixel.

    Two neighbouring scales are mixed by the attention alpha of the lower one:

        mixed = up(alpha · low) + (1 - up(alpha)) · high.

    Longer chains go from the highest scale down, each mixture being the `high` of the next pair.
    As in the paper's code, a mixture with a `low` above the image's own size has that size, any
    other has the size of its `high`; so the last one has the size of the image.

    Args:
        network: images (B, 3, H, W) of any size -> logits (B, C, H, W), or named outputs.
        n_classes: C.
        scales: when not training; distinct, 1 among them.
        channels: of the images.
    """

    def __init__(
        self, network: nn.Module, n_classes: int, scales: Sequence[float], channels: int = 3
    ) -> None:
        super().__init__()
        self.network = network
        self.normalisation = network.normalisation if isinstance(network, PretrainedModel) else None
        self.attention = ScaleAttention(n_classes, channels)
        self._scales = tuple(scales)

    @property
    def encoder(self) -> nn.Module:
        """The inner network's backbone, where it has one."""
        encoder = self.network.encoder
        assert isinstance(encoder, nn.Module)
        return encoder

    def forward(self, images: Tensor) -> Tensor | dict[str, Tensor]:
        """Float (B, 3, H, W) -> logits (B, C, H, W), or named outputs where the network has them.

        Outputs beside "main" are those of the network at scale 1.
        """
        scales = _TRAINING_SCALES if self.training else self._scales
        others: dict[str, Tensor] = {}
        mixed: Tensor | None = None
        for scale in sorted(scales, reverse=True):
            seen = resize_maps(images, _scaled_size(images.shape[-2:], scale))
            output = self.network(seen)
            logits: Tensor = output["main"] if isinstance(output, Mapping) else output
            if scale == 1 and isinstance(output, Mapping):
                others = dict(output)
            if mixed is None:
                mixed = logits
            else:
                size = logits.shape[-2:] if scale >= 1 else mixed.shape[-2:]
                mixed = _mixture(logits, self.attention(seen, logits), mixed, size)
        assert mixed is not None
        return {**others, "main": mixed} if others else mixed


class ScaleAttention(nn.Module):
    """Says where the logits of a scale are to be trusted more than those of the next higher one.

    The paper's head has this form but sees the features of the network's trunk. Here the network
    may be any, so the head sees what every network has: the image, and the probabilities of the
    classes, which tell how sure it is and where it saw a border. It works at 1/4 of their size, as
    the paper's works on features of a lower resolution.
    """

    def __init__(self, n_classes: int, channels: int = 3) -> None:
        super().__init__()
        self.head = nn.Sequential(
            conv_norm(channels + n_classes, _HIDDEN, 3),
            conv_norm(_HIDDEN, _HIDDEN, 3),
            nn.Conv2d(_HIDDEN, 1, 1),
        )

    def forward(self, images: Tensor, logits: Tensor) -> Tensor:
        """Images (B, 3, H, W) and their logits (B, C, H, W) -> (B, 1, H, W), from 0 to 1."""
        precise = torch.promote_types(logits.dtype, torch.float32)
        probabilities = logits.to(precise).softmax(dim=1).to(images.dtype)
        seen = torch.cat([images, probabilities], dim=1)
        small = functional.avg_pool2d(seen, _CELL, ceil_mode=True)
        return resize_maps(self.head(small).sigmoid(), logits.shape[-2:])


def _mixture(low: Tensor, alpha: Tensor, high: Tensor, size: torch.Size) -> Tensor:
    return resize_maps(alpha * low, size) + (1 - resize_maps(alpha, size)) * resize_maps(high, size)


def _scaled_size(size: torch.Size, scale: float) -> torch.Size:
    return torch.Size(max(round(length * scale), 1) for length in size)
