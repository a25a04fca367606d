"""Factories of the fully convolutional networks on VGG-16."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from toolkit import Component, Context, UnitInterval

if TYPE_CHECKING:
    from torch import nn


def _fcn(stride: int, skips: str) -> Callable[..., nn.Module]:
    """Return the factory of the network whose finest scores have `stride`."""

    def build(
        context: Context,
        *,
        weights: str = "none",
        dropout: UnitInterval = 0.5,
        drop: Literal["channels", "values"] = "channels",
    ) -> nn.Module:
        from toolkit.builtins.models.fcn_vgg import build_fcn

        return build_fcn(context, stride, weights, dropout, drop)

    build.__name__ = build.__qualname__ = f"fcn{stride}s"
    build.__doc__ = f"""Make an FCN-{stride}s on VGG-16 (Long et al., arXiv:1411.4038): {skips}.

    Its learnt upsampling starts as bilinear interpolation.

    Args:
        weights: of VGG-16's convolutions: "none"; "imagenet" (torchvision's, from the hub); or a
            .pth, .pt, .bin or .safetensors file of torchvision's vgg16 (relative to the project,
            looked for when a run starts).
        dropout: share that is dropped after each of the two wide layers of the head.
        drop: whole "channels", or single "values" of the map as in the paper's network.
    """
    return build


COMPONENTS: tuple[Component, ...] = (
    Component(
        "fcn8s", _fcn(8, "scores of 1/32, 1/16 and 1/8"), "FCN-8s on VGG-16, the finest of three"
    ),
    Component("fcn16s", _fcn(16, "scores of 1/32 and 1/16"), "FCN-16s on VGG-16"),
    Component("fcn32s", _fcn(32, "scores of 1/32"), "FCN-32s on VGG-16, the coarsest of three"),
)
