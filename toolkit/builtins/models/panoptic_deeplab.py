"""The semantic branch of Panoptic-DeepLab (Cheng et al., arXiv:1911.10194, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from segmentation_models_pytorch.decoders.deeplabv3.decoder import ASPP
from torch import Tensor, nn

from toolkit.builtins.models.convolutions import conv_norm
from toolkit.builtins.models.resizing import resize_maps

# Channels of the shallow features that join the decoder at 1/8 and at 1/4.
_SHALLOW = (64, 32)
# Features at 1/16 where the encoder can be dilated; the pyramid's rates are in their cells.
STRIDES = (16, 32)


@dataclass(frozen=True)
class PanopticDeepLab:
    """Makes the decoder on an encoder's features.

    Attributes:
        n_channels: of the pyramid and of every step.
        rates: dilations of the pyramid at stride 16.
        dropout: share dropped after the pyramid.
        n_classes: C.
    """

    n_channels: int
    rates: tuple[int, ...]
    dropout: float
    n_classes: int

    def __call__(self, channels: Sequence[int], stride: int) -> nn.Module:
        """Make it for features of these channels, the deepest of which have this stride."""
        # The same reach in pixels, whatever the stride.
        rates = [max(rate * STRIDES[0] // stride, 1) for rate in self.rates]
        pyramid = ASPP(
            channels[-1],
            self.n_channels,
            atrous_rates=rates,
            separable=False,
            dropout=self.dropout,
        )
        return Decoder(pyramid, channels[:2], self.n_channels, self.n_classes)


class Decoder(nn.Module):
    """Atrous spatial pyramid, and two steps up that each take in shallower features.

    Args:
        pyramid: of the deepest features.
        channels: of the features at 1/4 and 1/8.
        n_channels: of the pyramid and of every step.
        n_classes: C.
    """

    def __init__(
        self, pyramid: nn.Module, channels: Sequence[int], n_channels: int, n_classes: int
    ) -> None:
        super().__init__()
        quarter, eighth = channels
        self.pyramid = pyramid
        self.shallow = nn.ModuleList(
            conv_norm(n_in, n_out) for n_in, n_out in zip((eighth, quarter), _SHALLOW, strict=True)
        )
        self.steps = nn.ModuleList(_separable(n_channels + n, n_channels) for n in _SHALLOW)
        self.head = nn.Sequential(
            _separable(n_channels, n_channels), nn.Conv2d(n_channels, n_classes, 1)
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return logits (B, C, H / 4, W / 4)."""
        quarter, eighth, _, deepest = features
        maps: Tensor = self.pyramid(deepest)
        for step, shallow, feature in zip(self.steps, self.shallow, (eighth, quarter), strict=True):
            maps = resize_maps(maps, feature.shape[-2:])
            maps = step(torch.cat([maps, shallow(feature)], dim=1))
        logits: Tensor = self.head(maps)
        return logits


def _separable(n_in: int, n_out: int) -> nn.Sequential:
    """Make a depthwise-separable convolution of 5 × 5."""
    return nn.Sequential(conv_norm(n_in, n_in, 5, groups=n_in), conv_norm(n_in, n_out))
