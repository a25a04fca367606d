"""The 2-way pyramid and the semantic head of EfficientPS (Mohan & Valada, arXiv:2004.02307).

Sections 3.2 and 3.3 of the paper. Its synchronised InPlace-ABN is batch normalisation and leaky
ReLU here: the same function with more memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from toolkit.builtins.models.convolutions import conv_norm
from toolkit.builtins.models.resizing import resize_maps

# (rows, columns): of the entrance of a dense prediction cell, of its three parallel branches, and
# of the one that follows the last of them.
_ENTRANCE = (1, 6)
_PARALLEL = ((1, 1), (6, 21), (18, 15))
_FOLLOWING = (6, 3)


@dataclass(frozen=True)
class EfficientPs:
    """Makes pyramid and head on an encoder's features.

    Attributes:
        n_channels: of every level of the pyramid.
        n_head: of every level of the head.
        n_classes: C.
    """

    n_channels: int
    n_head: int
    n_classes: int

    def __call__(self, channels: Sequence[int], stride: int) -> nn.Module:
        """Make it for features of these channels at 1/4, 1/8, 1/16 and 1/stride."""
        return nn.Sequential(
            TwoWayPyramid(channels, self.n_channels),
            SemanticHead(self.n_channels, self.n_head, self.n_classes),
        )


class TwoWayPyramid(nn.Module):
    """Carries features from fine to coarse and from coarse to fine, and adds both at each level.

    Args:
        channels: of the encoder's features, finest first.
        n_channels: of every level of the result.
    """

    def __init__(self, channels: Sequence[int], n_channels: int) -> None:
        super().__init__()
        self.upward = nn.ModuleList(_pointwise(n, n_channels) for n in channels)
        self.downward = nn.ModuleList(_pointwise(n, n_channels) for n in channels)
        self.out = nn.ModuleList(_separable(n_channels, n_channels) for _ in channels)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return levels (B, n_channels, h, w) of the features' sizes."""
        fine_to_coarse = _running_sums(
            [part(f) for part, f in zip(self.upward, features, strict=True)]
        )
        backwards = [part(f) for part, f in zip(self.downward, features, strict=True)][::-1]
        coarse_to_fine = _running_sums(backwards)[::-1]
        return [
            part(fine + coarse)
            for part, fine, coarse in zip(self.out, fine_to_coarse, coarse_to_fine, strict=True)
        ]


def _running_sums(levels: Sequence[Tensor]) -> list[Tensor]:
    """Add to each level the sum of those before it, resized."""
    sums = [levels[0]]
    for level in levels[1:]:
        sums.append(level + resize_maps(sums[-1], level.shape[-2:]))
    return sums


class DensePredictionCell(nn.Module):
    """Five dilated convolutions, three of them side by side (Chen et al., arXiv:1809.04184)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.entrance = _separable(n_in, n_in, _ENTRANCE)
        self.parallel = nn.ModuleList(_separable(n_in, n_in, rate) for rate in _PARALLEL)
        self.following = _separable(n_in, n_in, _FOLLOWING)
        self.join = _pointwise((2 + len(_PARALLEL)) * n_in, n_out)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, n_in, h, w) -> (B, n_out, h, w)."""
        maps = self.entrance(maps)
        branches = [part(maps) for part in self.parallel]
        joined: Tensor = self.join(
            torch.cat([maps, *branches, self.following(branches[-1])], dim=1)
        )
        return joined


class SemanticHead(nn.Module):
    """Cells for context at 1/32 and 1/16, plain convolutions for detail at 1/8 and 1/4.

    What the coarser level found is added to the next finer one; where it crosses from context to
    detail and from 1/8 to 1/4, a mismatch correction (two convolutions) comes between.

    Args:
        n_in: channels of the pyramid.
        n_channels: of every level of the head.
        n_classes: C.
    """

    def __init__(self, n_in: int, n_channels: int, n_classes: int) -> None:
        super().__init__()
        self.details = nn.ModuleList(_double(n_in, n_channels) for _ in range(2))
        self.contexts = nn.ModuleList(DensePredictionCell(n_in, n_channels) for _ in range(2))
        self.corrections = nn.ModuleList(_double(n_channels, n_channels) for _ in range(2))
        self.classifier = nn.Conv2d(4 * n_channels, n_classes, 1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        """Levels at 1/4, 1/8, 1/16 and 1/32 -> logits (B, C, H / 4, W / 4)."""
        p4, p8, p16, p32 = (
            part(level) for part, level in zip([*self.details, *self.contexts], levels, strict=True)
        )
        to_p4, to_p8 = self.corrections
        p16 = p16 + resize_maps(p32, p16.shape[-2:])
        p8 = p8 + resize_maps(to_p8(p16), p8.shape[-2:])
        p4 = p4 + resize_maps(to_p4(p8), p4.shape[-2:])
        size = p4.shape[-2:]
        joined = torch.cat([p4, *(resize_maps(level, size) for level in (p8, p16, p32))], dim=1)
        logits: Tensor = self.classifier(joined)
        return logits


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.01, inplace=True)


def _pointwise(n_in: int, n_out: int) -> nn.Sequential:
    return conv_norm(n_in, n_out, activation=_leaky)


def _separable(n_in: int, n_out: int, dilation: tuple[int, int] = (1, 1)) -> nn.Sequential:
    """Make a depthwise-separable convolution of 3 × 3."""
    depthwise = nn.Conv2d(
        n_in, n_in, 3, padding=dilation, dilation=dilation, groups=n_in, bias=False
    )
    return nn.Sequential(depthwise, _pointwise(n_in, n_out))


def _double(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(_separable(n_in, n_out), _separable(n_out, n_out))
