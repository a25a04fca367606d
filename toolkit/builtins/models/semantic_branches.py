"""Factories of the semantic branches of panoptic networks, with any encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit import Component, Context
from toolkit.builtins.models.smp_families import DEFAULT_ENCODER, PyramidDropout, Rates, Width

if TYPE_CHECKING:
    from torch import nn


def panoptic_deeplab(
    context: Context,
    *,
    encoder: str = DEFAULT_ENCODER,
    weights: str = "none",
    decoder_channels: Width = 256,
    atrous_rates: Rates = (6, 12, 18),
    dropout: PyramidDropout = 0.1,
) -> nn.Module:
    """Make the semantic branch of Panoptic-DeepLab (Cheng et al., arXiv:1911.10194).

    Args:
        encoder: an encoder of segmentation_models_pytorch, or `tu-` and the name of a timm model;
            its deepest features stay at 1/16 where it can be dilated, else they are at 1/32.
        weights: of the encoder, as for unet.
        decoder_channels: of the pyramid and of every stage of the decoder.
        atrous_rates: spacing of the pyramid's three dilated convolutions, in cells of 1/16.
    """
    from toolkit.builtins.models.panoptic_deeplab import STRIDES, PanopticDeepLab
    from toolkit.builtins.models.pyramid_network import Design, build_pyramid_network

    decoder = PanopticDeepLab(decoder_channels, atrous_rates, dropout, context.n_classes)
    design = Design("Panoptic-DeepLab", encoder, decoder, STRIDES)
    return build_pyramid_network(context, design, weights)


def efficientps(
    context: Context,
    *,
    encoder: str = DEFAULT_ENCODER,
    weights: str = "none",
    pyramid_channels: Width = 256,
    head_channels: Width = 128,
) -> nn.Module:
    """Make the 2-way pyramid and semantic head of EfficientPS (Mohan & Valada, arXiv:2004.02307).

    Args:
        encoder: an encoder of segmentation_models_pytorch, or `tu-` and the name of a timm model;
            the paper's is an EfficientNet-B5 without squeeze and excitation.
        weights: of the encoder, as for unet.
        pyramid_channels: of every level of the pyramid.
        head_channels: of every level of the head.
    """
    from toolkit.builtins.models.efficientps import EfficientPs
    from toolkit.builtins.models.pyramid_network import Design, build_pyramid_network

    decoder = EfficientPs(pyramid_channels, head_channels, context.n_classes)
    return build_pyramid_network(context, Design("EfficientPS", encoder, decoder), weights)


COMPONENTS: tuple[Component, ...] = (
    Component(
        "panoptic_deeplab",
        panoptic_deeplab,
        "semantic branch of Panoptic-DeepLab with any encoder",
    ),
    Component("efficientps", efficientps, "semantic head of EfficientPS with any encoder"),
)
