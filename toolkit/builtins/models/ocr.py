"""Object-contextual representations (Yuan, Chen & Wang, arXiv:1909.11065).

A first, rough segmentation says where the objects are. Each class becomes one region: the mean of
the pixels' features, weighted by how likely they show it. Every pixel then asks all regions which
of them it belongs to, and gets their features beside its own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from toolkit.builtins.models.convolutions import conv_norm

# Of the pyramid, at 1/4 to 1/8 of the image's size.
_DILATIONS = (12, 24, 36)


def region_features(features: Tensor, logits: Tensor) -> Tensor:
    """Gather the features of every class's region: sum over pixels of softmax(logits) · features.

    The softmax runs over the pixels of each class, so that each region's weights sum to 1.

    Args:
        features: (B, D, H, W).
        logits: (B, C, H, W) of the rough segmentation.

    Returns:
        (B, D, C, 1), of the type of `features`.
    """
    precise = torch.promote_types(features.dtype, torch.float32)
    # Weights of single pixels, about 1 / (H · W), are too small for 16 bits.
    with _without_autocast(features.device.type):
        weights = logits.flatten(2).to(precise).softmax(dim=2)
        regions = features.flatten(2).to(precise) @ weights.transpose(1, 2)
    return regions.to(features.dtype).unsqueeze(3)


def _without_autocast(device_type: str) -> AbstractContextManager[None]:
    # The meta device, on which recipes are checked, has no autocast to switch off.
    if not torch.amp.is_autocast_available(device_type):
        return nullcontext()
    return torch.autocast(device_type, enabled=False)


class RegionAttention(nn.Module):
    """Gives every pixel the features of the regions that it resembles.

    weights = softmax over regions of (query(pixel) · key(region) / sqrt(n_keys)).

    Args:
        n_channels: of pixels, regions and the output.
        n_keys: channels in which pixels and regions are compared.
    """

    def __init__(self, n_channels: int, n_keys: int) -> None:
        super().__init__()
        self.query = nn.Sequential(conv_norm(n_channels, n_keys), conv_norm(n_keys, n_keys))
        self.key = nn.Sequential(conv_norm(n_channels, n_keys), conv_norm(n_keys, n_keys))
        self.value = conv_norm(n_channels, n_keys)
        self.out = conv_norm(n_keys, n_channels)

    def forward(self, features: Tensor, regions: Tensor) -> Tensor:
        """Features (B, D, H, W) and regions (B, D, C, 1) -> (B, D, H, W)."""
        queries = self.query(features)
        keys = self.key(regions).flatten(2)
        values = self.value(regions).flatten(2)
        # Scaled before the product: in 16 bits the product itself may overflow.
        scaled = queries.flatten(2) * keys.shape[1] ** -0.5
        scores = keys.transpose(1, 2) @ scaled
        precise = torch.promote_types(scores.dtype, torch.float32)
        weights = scores.to(precise).softmax(dim=1).to(values.dtype)
        found: Tensor = self.out((values @ weights).unflatten(2, queries.shape[-2:]))
        return found


class ObjectContext(nn.Module):
    """Features with what their object looks like as a whole.

    Args:
        n_in: channels of the backbone's features.
        n_channels: of the features that are compared, and of the output.
        n_keys: channels in which pixels and regions are compared.
        dropout: probability to drop a channel of the output.
    """

    def __init__(self, n_in: int, n_channels: int, n_keys: int, dropout: float) -> None:
        super().__init__()
        self.pixels = conv_norm(n_in, n_channels, 3, bias=True)
        self.attention = RegionAttention(n_channels, n_keys)
        self.join = nn.Sequential(conv_norm(2 * n_channels, n_channels), nn.Dropout2d(dropout))

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Features (B, D, H, W) and rough logits (B, C, H, W) -> (B, n_channels, H, W)."""
        pixels = self.pixels(features)
        context = self.attention(pixels, region_features(pixels, logits))
        joined: Tensor = self.join(torch.cat([context, pixels], dim=1))
        return joined


class ObjectContextPyramid(nn.Module):
    """Object context as one branch of an atrous spatial pyramid, in the place of global pooling.

    The pyramid of OCNet (ASP-OC, arXiv:1809.00916, figure 3) with the object attention of
    arXiv:1909.11065 in its context branch: object context, 1 × 1, and three 3 × 3 convolutions
    dilated by 12, 24 and 36, side by side. Each branch has half of `n_channels`.

    Args:
        n_in: channels of the backbone's features.
        n_channels: of the output.
        n_keys: channels in which pixels and regions are compared.
        dropout: probability to drop a channel of the output.
    """

    def __init__(self, n_in: int, n_channels: int, n_keys: int, dropout: float) -> None:
        super().__init__()
        width = max(n_channels // 2, 1)
        self.pixels = conv_norm(n_in, width, 3)
        self.attention = RegionAttention(width, n_keys)
        self.branches = nn.ModuleList(
            [conv_norm(n_in, width), *(conv_norm(n_in, width, 3, dilation=d) for d in _DILATIONS)]
        )
        n_branches = 1 + len(self.branches)
        self.join = nn.Sequential(conv_norm(n_branches * width, n_channels), nn.Dropout2d(dropout))

    def forward(self, features: Tensor, logits: Tensor) -> Tensor:
        """Features (B, D, H, W) and rough logits (B, C, H, W) -> (B, n_channels, H, W)."""
        pixels = self.pixels(features)
        context = self.attention(pixels, region_features(pixels, logits))
        branches = [branch(features) for branch in self.branches]
        joined: Tensor = self.join(torch.cat([context, *branches], dim=1))
        return joined
