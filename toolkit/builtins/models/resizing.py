"""Bilinear resizing of maps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def resize_maps(maps: Tensor, size: torch.Size, *, align_corners: bool = False) -> Tensor:
    """Return maps (B, C, h, w) at another size.

    Args:
        maps: float.
        size: height and width.
        align_corners: the centres of the corner pixels stay where they are, not the image's edges.
    """
    if maps.shape[-2:] == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=align_corners)
