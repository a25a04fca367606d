"""Factories of HRNetV2 with object-contextual representations (OCR)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from toolkit import Component, Context, UnitInterval

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[
    Literal[18, 30, 32, 40, 44, 48, 64],
    Field(description="channels of the backbone's finest branch; 18 for small machines."),
]
Weights = Annotated[
    str,
    Field(
        description='of the backbone: "none"; "imagenet" from the hub; or a local .pth or '
        ".safetensors file (relative to the project), timm's or the official "
        "hrnetv2_w48_imagenet_pretrained.pth."
    ),
]
OcrChannels = Annotated[
    int, Field(ge=1, description="features that are compared with those of the regions.")
]
KeyChannels = Annotated[int, Field(ge=1, description="in which they are compared.")]
Dropout = Annotated[
    UnitInterval, Field(description="probability to drop a channel before the classifier.")
]
Fuse = Annotated[
    Literal["nearest", "bilinear"],
    Field(
        description="how the backbone enlarges coarse branches to add them to finer ones: "
        '"nearest", with which the ImageNet weights were trained, or "bilinear" (corners aligned), '
        "as in the authors' segmentation networks and the team's."
    ),
]


def hrnet_ocr(
    context: Context,
    *,
    width: Width = 48,
    weights: Weights = "none",
    ocr_channels: OcrChannels = 512,
    key_channels: KeyChannels = 256,
    dropout: Dropout = 0.05,
    fuse: Fuse = "nearest",
) -> nn.Module:
    """Make HRNetV2 + OCR (arXiv:1908.07919, arXiv:1909.11065), with the outputs main and aux."""
    from toolkit.builtins.models.hrnet_ocr import build_hrnet_ocr

    return build_hrnet_ocr(
        context,
        width=width,
        weights=weights,
        channels=(ocr_channels, key_channels),
        dropout=dropout,
        fuse=fuse,
    )


def hrnet_ocr_transposed(
    context: Context,
    *,
    width: Width = 48,
    weights: Weights = "none",
    ocr_channels: OcrChannels = 512,
    key_channels: KeyChannels = 256,
    dropout: Dropout = 0.05,
    fuse: Fuse = "nearest",
) -> nn.Module:
    """Make HRNetV2 + OCR whose main logits reach full size by two transposed convolutions."""
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
    weights: Weights = "none",
    ocr_channels: OcrChannels = 512,
    key_channels: KeyChannels = 256,
    dropout: Dropout = 0.05,
    fuse: Fuse = "nearest",
) -> nn.Module:
    """Make HRNetV2 + OCR in an atrous spatial pyramid (ASP-OC, arXiv:1809.00916)."""
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
