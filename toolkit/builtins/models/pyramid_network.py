"""Networks of an encoder with features at 1/4 to 1/32 and a decoder of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

from toolkit import Context, UsageError
from toolkit.builtins.models import trial
from toolkit.builtins.models.encoders import TIMM_PREFIX, check_encoder
from toolkit.builtins.models.local_weights import lacking_encoder, should_load_weights
from toolkit.builtins.models.resizing import resize_maps
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.builtins.models.weights import check_weights, load_encoder, normalisation_of
from toolkit.shapes_only import ShapesOnly

# What makes timm's transformers take any size; an encoder that lacks the keyword refuses it.
_WAYS: tuple[dict[str, Any], ...] = ({}, {"strict_img_size": False})

MakeDecoder = Callable[[Sequence[int], int], nn.Module]
"""(channels of the features, stride of the deepest) -> decoder.

The decoder takes four features of 1/4, 1/8, 1/16 and 1/stride and returns logits of 1/4.
"""


class PyramidNetwork(nn.Module):
    """An encoder and a decoder, whose logits are enlarged to the size of the image."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Tensor) -> Tensor:
        """Float (B, 3, H, W) -> logits (B, C, H, W)."""
        # Those of 1 and 1/2 are not used.
        logits = self.decoder(self.encoder(images)[2:])
        return resize_maps(logits, images.shape[-2:])


@dataclass(frozen=True)
class Design:
    """What a recipe asks for; hashable.

    Attributes:
        architecture: what to call the network in messages.
        encoder: name of an encoder of smp, or `tu-` and a timm model.
        make_decoder: see `MakeDecoder`; equal ones make the same decoder.
        strides: of the encoder's deepest features, the most wanted first.
    """

    architecture: str
    encoder: str
    make_decoder: MakeDecoder
    strides: tuple[int, ...] = (32,)


@dataclass(frozen=True)
class _PyramidPlan:
    """How a design is made, and what the network can do."""

    stride: int
    way: Mapping[str, Any]
    findings: trial.Findings


def build_pyramid_network(context: Context, design: Design, weights: str) -> Segmenter:
    """Make a decoder on an encoder and load the encoder's weights.

    Raises:
        UsageError: unknown encoder, or one that cannot be used here, or unknown weights.
        TrashError: weights that cannot be fetched or do not fit.
    """
    check_encoder(design.encoder)
    check_weights(design.encoder, weights)
    plan = _plan(design)
    network = _make(design, plan.stride, plan.way)
    if should_load_weights(context, weights, lambda: lacking_encoder(design.encoder, weights)):
        load_encoder(network.encoder, design.encoder, weights)
    for name in plan.findings.unused:  # distributed training waits for every trainable parameter
        network.get_parameter(name).requires_grad_(False)
    sizes = plan.findings.sizes
    return Segmenter(
        network,
        sizes.stride,
        least=sizes.least,
        pools_globally=plan.findings.pools_globally,
        normalisation=normalisation_of(design.encoder, weights),
    )


@cache
def _plan(design: Design) -> _PyramidPlan:
    """Find a way to make the network by trying, without data, or refuse the encoder."""
    ways = _WAYS if design.encoder.startswith(TIMM_PREFIX) else _WAYS[:1]
    failures: list[Exception] = []
    for stride, way in product(design.strides, ways):
        try:
            return _PyramidPlan(stride, way, _findings(design, stride, way))
        except Exception as error:  # timm and smp raise all kinds, from deep inside
            # That an encoder lacks a keyword tells nothing to whoever chose it.
            failures.insert(len(failures) if way else 0, error)
    reason = (str(failures[0]).strip().splitlines() or [type(failures[0]).__name__])[0]
    raise UsageError(
        f"{design.architecture} cannot be built on encoder {design.encoder}: {reason}",
        "Choose an encoder with features of several sizes, for example tu-tf_efficientnet_lite0 "
        "or resnet34.",
        parameter="encoder",
    ) from failures[0]


# A trial needs gradients even when the network is made for inference.
@torch.inference_mode(False)
@torch.enable_grad()
def _findings(design: Design, stride: int, way: Mapping[str, Any]) -> trial.Findings:
    # An encoder that cannot be made without data draws random numbers.
    with torch.random.fork_rng(devices=()), ShapesOnly():
        with torch.device("meta"):
            network = _make(design, stride, way)
        findings = trial.examine(network, stride, 1, None)
        _check_stride(network, findings.sizes, stride)
    return findings


def _check_stride(network: PyramidNetwork, sizes: trial.Sizes, stride: int) -> None:
    """Refuse an encoder that was asked to dilate and silently does not."""
    # Twice the smallest size: one cell tells nothing.
    height, width = (2 * length for length in sizes.example)
    device = next(network.parameters()).device
    deepest = network.eval().encoder(torch.zeros(1, 3, height, width, device=device))[-1]
    if deepest.shape[-2:] != (height // stride, width // stride):
        raise ValueError(f"its deepest features are not at 1/{stride}")


def _make(design: Design, stride: int, way: Mapping[str, Any]) -> PyramidNetwork:
    def make() -> PyramidNetwork:
        encoder = smp.encoders.get_encoder(
            design.encoder, weights=None, output_stride=stride, **way
        )
        return PyramidNetwork(encoder, design.make_decoder(encoder.out_channels[2:], stride))

    try:
        return make()
    except RuntimeError as error:
        if "meta tensors" not in str(error):
            raise
        with torch.device("cpu"):  # smp's mit_b* compute numbers from tensors
            return make()
