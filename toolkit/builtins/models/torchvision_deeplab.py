"""Factory of torchvision's DeepLabV3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit import Component, Context

if TYPE_CHECKING:
    from torch import nn


def torchvision_deeplabv3(
    context: Context, *, weights: str = "none", aux: bool = False
) -> nn.Module:
    """Make torchvision's DeepLabV3 on a dilated ResNet-50 (Chen et al., arXiv:1706.05587).

    Args:
        weights: "none"; "imagenet" (of the backbone, from the hub); "coco" (of the whole network
            but its last layers, from the hub); or a .pth, .pt, .bin or .safetensors file of
            torchvision's resnet50 or deeplabv3_resnet50 (relative to the project, looked for when
            a run starts).
        aux: also predict from the features of 1/8 before the last stage: an output called "aux"
            that is trained as [auxiliary.aux] says.
    """
    from toolkit.builtins.models.torchvision_networks import build_deeplabv3

    return build_deeplabv3(context, weights, aux=aux)


COMPONENTS: tuple[Component, ...] = (
    Component(
        "torchvision_deeplabv3",
        torchvision_deeplabv3,
        "torchvision's DeepLabV3 on ResNet-50",
        ("torch_deeplab",),
    ),
)
