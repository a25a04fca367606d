"""Factories of HRNetV2 with object-contextual representations (OCR)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from toolkit import Component, Context, UnitInterval

if TYPE_CHECKING:
    from torch import nn

Width = Literal[18, 30, 32, 40, 44, 48, 64]
Fuse = Literal["nearest", "bilinear"]
Channels = Annotated[int, Field(ge=1)]


def hrnet_ocr(
    context: Context,
    *,
    width: Width = 48,
    weights: str = "none",
    ocr_channels: Channels = 512,
    key_channels: Channels = 256,
    dropout: UnitInterval = 0.05,
    fuse: Fuse = "nearest",
) -> nn.Module:
    """Make HRNetV2 + OCR (arXiv:1908.07919, arXiv:1909.11065), with the outputs main and aux.

    Args:
        width: channels of the backbone's finest branch; 18 for small machines.
        weights: of the backbone: "none"; "imagenet" from the hub; or a local .pth or .safetensors
            file (relative to the project), timm's or the official
            hrnetv2_w48_imagenet_pretrained.pth.
        ocr_channels: features that are compared with those of the regions.
        key_channels: in which they are compared.
        dropout: probability to drop a channel before the classifier.
        fuse: how the backbone enlarges coarse branches to add them to finer ones: "nearest", with
            which the ImageNet weights were trained, or "bilinear" (corners aligned), as in the
            authors' segmentation networks and the team's.
    """
    from toolkit.builtins.models.hrnet_ocr import build_hrnet_ocr

    channels = ocr_channels, key_channels
    return build_hrnet_ocr(
        context, width=width, weights=weights, channels=channels, dropout=dropout, fuse=fuse
    )


def hrnet_ocr_transposed(
    context: Context,
    *,
    width: Width = 48,
    weights: str = "none",
    ocr_channels: Channels = 512,
    key_channels: Channels = 256,
    dropout: UnitInterval = 0.05,
    fuse: Fuse = "nearest",
) -> nn.Module:
    """Make HRNetV2 + OCR whose main logits reach full size by two transposed convolutions.

    Args:
        width: channels of the backbone's finest branch; 18 for small machines.
        weights: of the backbone: "none"; "imagenet" from the hub; or a local .pth or .safetensors
            file (relative to the project), timm's or the official
            hrnetv2_w48_imagenet_pretrained.pth.
        ocr_channels: features that are compared with those of the regions.
        key_channels: in which they are compared.
        dropout: probability to drop a channel before the classifier.
        fuse: how the backbone enlarges coarse branches to add them to finer ones: "nearest", with
            which the ImageNet weights were trained, or "bilinear" (corners aligned), as in the
            authors' segmentation networks and the team's.
    """
    from toolkit.builtins.models.hrnet_ocr import build_hrnet_ocr, transposed_classifier

    return build_hrnet_ocr(
        context,
        width=width,
        weights=weights,
        channels=(ocr_channels, key_channels),
        dropout=dropout,
        fuse=fuse,
        make_classifier=transposed_classifier,
    )


def hrnet_ocr_aspp(
    context: Context,
    *,
    width: Width = 48,
    weights: str = "none",
    ocr_channels: Channels = 512,
    key_channels: Channels = 256,
    dropout: UnitInterval = 0.05,
    fuse: Fuse = "nearest",
) -> nn.Module:
    """Make HRNetV2 + OCR in an atrous spatial pyramid (ASP-OC, arXiv:1809.00916).

    Args:
        width: channels of the backbone's finest branch; 18 for small machines.
        weights: of the backbone: "none"; "imagenet" from the hub; or a local .pth or .safetensors
            file (relative to the project), timm's or the official
            hrnetv2_w48_imagenet_pretrained.pth.
        ocr_channels: features that are compared with those of the regions.
        key_channels: in which they are compared.
        dropout: probability to drop a channel before the classifier.
        fuse: how the backbone enlarges coarse branches to add them to finer ones: "nearest", with
            which the ImageNet weights were trained, or "bilinear" (corners aligned), as in the
            authors' segmentation networks and the team's.
    """
    from toolkit.builtins.models.hrnet_ocr import build_hrnet_ocr
    from toolkit.builtins.models.ocr import ObjectContextPyramid

    return build_hrnet_ocr(
        context,
        width=width,
        weights=weights,
        channels=(ocr_channels, key_channels),
        dropout=dropout,
        fuse=fuse,
        make_context=ObjectContextPyramid,
    )


COMPONENTS: tuple[Component, ...] = (
    Component("hrnet_ocr", hrnet_ocr, "HRNetV2 with object-contextual representations"),
    Component(
        "hrnet_ocr_transposed",
        hrnet_ocr_transposed,
        "HRNetV2 with OCR and learnt upsampling",
        ("hrnet_ocr_tp",),
    ),
    Component("hrnet_ocr_aspp", hrnet_ocr_aspp, "HRNetV2 with OCR in an atrous spatial pyramid"),
)
