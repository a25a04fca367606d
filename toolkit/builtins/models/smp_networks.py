"""Networks of segmentation_models_pytorch, made to take what a recipe asks of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import lcm
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch

from toolkit import Context, UsageError
from toolkit.builtins.models.encoders import TIMM_PREFIX, check_encoder
from toolkit.builtins.models.local_weights import lacking_encoder, should_load_weights
from toolkit.builtins.models.segmenter import Segmenter
from toolkit.builtins.models.trial import Findings, examine
from toolkit.builtins.models.weights import check_weights, load_encoder, normalisation_of
from toolkit.shapes_only import ShapesOnly

# PAN halves the deepest features three times.
_LEAST_CELLS = {"PAN": 8}
_DILATED = {"DeepLabV3", "DeepLabV3Plus", "PAN"}
# DPT turns patches into a pyramid, whose coarsest level it halves and doubles.
_DPT_STRIDE = 32
_DPT_PATCHES = (8, 16, 32)
_PYRAMID = [4, 8, 16, 32]

# Keywords that make timm's transformers take any size, tried in this order.
_WAYS: tuple[dict[str, Any], ...] = ({}, {"strict_img_size": False})
_DPT_WAYS: tuple[dict[str, Any], ...] = (
    {"num_classes": 0, "dynamic_img_size": True},
    {"num_classes": 0, "strict_img_size": False},
    {"num_classes": 0},
)


@dataclass(frozen=True)
class _Design:
    """What a recipe asks for; hashable."""

    architecture: str
    encoder: str
    n_classes: int
    presence: bool
    options: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class _FamilyPlan:
    """How a design is made, and what the network can do."""

    way: Mapping[str, Any]
    findings: Findings


def build_family(
    context: Context,
    architecture: str,
    encoder: str,
    weights: str,
    *,
    presence: bool = False,
    **options: Any,
) -> Segmenter:
    """Make smp's `architecture` with `encoder` and load the encoder's weights.

    Args:
        context: of the run.
        architecture: name of a class of smp.
        encoder: name of an encoder of smp, or `tu-` and a timm model.
        weights: of the encoder.
        presence: add a head that says which classes an image holds.
        options: further arguments of the class, hashable.

    Raises:
        UsageError: unknown encoder, or one that this architecture cannot use, or unknown weights.
        TrashError: weights that cannot be fetched or do not fit.
    """
    check_encoder(encoder)
    check_weights(encoder, weights)
    design = _Design(architecture, encoder, context.n_classes, presence, tuple(options.items()))
    plan = _plan(design)
    findings = plan.findings
    _check_image_size(context, encoder, findings.sizes.most)
    network = _make(design, plan.way)
    if should_load_weights(context, weights, lambda: lacking_encoder(encoder, weights)):
        load_encoder(network.encoder, encoder, weights)
    for name in findings.unused:  # distributed training waits for every trainable parameter
        network.get_parameter(name).requires_grad_(False)
    return Segmenter(
        network,
        findings.sizes.stride,
        least=findings.sizes.least,
        most=findings.sizes.most,
        pools_globally=findings.pools_globally,
        normalisation=normalisation_of(encoder, weights),
    )


@cache
def _plan(design: _Design) -> _FamilyPlan:
    """Find a way to make the network by trying, without data, or refuse the encoder."""
    if design.architecture == "DPT":
        ways = _DPT_WAYS
    else:
        ways = _WAYS if design.encoder.startswith(TIMM_PREFIX) else _WAYS[:1]
    failures: list[Exception] = []
    lacking: list[Exception] = []
    fixed: list[_FamilyPlan] = []
    for way in ways:
        try:
            plan = _try(design, way)
        except Exception as error:  # timm and smp raise all kinds, from deep inside
            # That an encoder lacks the keyword tells nothing to whoever chose it.
            lacks_keyword = any(keyword in str(error) for keyword in way)
            (lacking if lacks_keyword else failures).append(error)
        else:
            if plan.findings.sizes.most is None:
                return plan
            fixed.append(plan)
    if fixed:
        return fixed[0]
    reason = (failures + lacking)[0]
    raise _refusal(design, reason) from reason


# A trial needs gradients even when the network is made for inference.
@torch.inference_mode(False)
@torch.enable_grad()
def _try(design: _Design, way: Mapping[str, Any]) -> _FamilyPlan:
    cells = _LEAST_CELLS.get(design.architecture, 1)
    # An encoder that cannot be made without data draws random numbers.
    with torch.random.fork_rng(devices=()), ShapesOnly():
        with torch.device("meta"):
            network = _make(design, way)
        stride = int(network.encoder.output_stride)
        if design.architecture == "DPT":
            stride = lcm(_DPT_STRIDE, _grid(network.encoder))
        return _FamilyPlan(way, examine(network, stride, cells, _native_size(design.encoder)))


def _make(design: _Design, way: Mapping[str, Any]) -> Any:
    presence = {"classes": design.n_classes, "pooling": "avg", "dropout": 0.5}

    def make() -> Any:
        return getattr(smp, design.architecture)(
            encoder_name=design.encoder,
            encoder_weights=None,
            classes=design.n_classes,
            aux_params=presence if design.presence else None,
            **dict(design.options),
            **way,
        )

    try:
        with warnings.catch_warnings():
            # DPT on an encoder without a class token: there is nothing to read out, and no harm.
            warnings.filterwarnings("ignore", message="Encoder does not have prefix tokens")
            return make()
    except RuntimeError as error:
        if "meta tensors" not in str(error):
            raise
        with torch.device("cpu"):  # smp's mit_b* compute numbers from tensors
            return make()


def _grid(encoder: Any) -> int:
    """Return the stride of the features that DPT reads.

    Raises:
        ValueError: they are of no kind that it can bring to a pyramid.
    """
    strides = [int(stride) for stride in encoder.output_strides]
    if strides == _PYRAMID:
        return strides[-1]
    if len(set(strides)) > 1:
        raise ValueError(f"its features have strides {strides}, not {_PYRAMID} or one stride")
    if strides[0] not in _DPT_PATCHES:
        raise ValueError(f"its patches are of {strides[0]} pixels")
    return strides[0]


def _native_size(encoder: str) -> int | None:
    if not encoder.startswith(TIMM_PREFIX):
        return None
    configuration = timm.get_pretrained_cfg(encoder.removeprefix(TIMM_PREFIX))
    if configuration is None or configuration.input_size is None:
        return None
    return int(configuration.input_size[-1])


def _check_image_size(context: Context, encoder: str, most: int | None) -> None:
    if most is None or max(context.image_size) <= most:
        return
    height, width = context.image_size
    nearest = [min(height, most), min(width, most)]
    raise UsageError(
        f"encoder {encoder} takes images up to {most} × {most} pixels, not {height} × {width}",
        f"Set data.image_size = {nearest}, or choose an encoder that takes any size.",
        parameter="encoder",
    )


def _refusal(design: _Design, error: Exception) -> UsageError:
    """Return what to tell about a network that cannot be made."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if _works_without_options(design):
        written = ", ".join(f"{name} {value}" for name, value in design.options)
        return UsageError(
            f"{design.architecture} cannot be built on encoder {design.encoder} with {written}: "
            f"{reason}"
        )
    if design.architecture == "DPT":
        hint = (
            "Choose a vision transformer of timm with patches of 8, 16 or 32 pixels, for example "
            "tu-vit_tiny_patch16_224 or tu-vit_base_patch16_224."
        )
    elif design.architecture in _DILATED:
        if "output_stride" in reason or "dilated" in reason:
            reason = "its strides cannot be replaced by dilation"
        hint = "Choose another encoder, for example tu-tf_efficientnet_lite0 or resnet34."
    else:
        if "downsampling pattern" in reason:
            reason = "the sizes of its features do not halve step by step"
        hint = (
            "Choose an encoder with features of several sizes, for example "
            'tu-tf_efficientnet_lite0 or resnet34. A plain vision transformer goes with "dpt".'
        )
    return UsageError(
        f"{design.architecture} cannot be built on encoder {design.encoder}: {reason}",
        hint,
        parameter="encoder",
    )


def _works_without_options(design: _Design) -> bool:
    if not design.options:
        return False
    try:
        _plan(_Design(design.architecture, design.encoder, design.n_classes, False, ()))
    except UsageError:
        return False
    return True
