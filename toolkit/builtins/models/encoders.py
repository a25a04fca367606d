"""Encoders by name."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import timm

from toolkit import UsageError
from toolkit.plugin.interfaces import Normalisation
from toolkit.suggestions import did_you_mean, nearest

TIMM_PREFIX = "tu-"

IMAGENET_NORMALISATION = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALVES = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
_DPN = Normalisation((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3)
_ODD_ENCODERS = {
    "timm-tf_efficientnet_lite": _HALVES,
    "inception": _HALVES,
    "xception": _HALVES,
    "dpn": _DPN,
}
"""How the names of smp's encoders begin that want other numbers than ImageNet's. smp itself keeps
these numbers on the hub since version 0.5."""


def check_encoder(name: str) -> None:
    """Refuse an encoder that neither smp nor timm has.

    Raises:
        UsageError: with the nearest name.
    """
    architecture, _, tag = name.removeprefix(TIMM_PREFIX).partition(".")
    if not name.startswith(TIMM_PREFIX):
        known = name in smp.encoders.encoders
    else:
        known = timm.is_model(architecture)
        if known and tag:
            _check_tag(architecture, tag)
    if not known:
        near = nearest(
            name, [*smp.encoders.encoders, *(TIMM_PREFIX + m for m in timm.list_models())]
        )
        hint = f"Did you mean {near}?" if near else "Any timm model works as tu-<its name>."
        raise UsageError(f"there is no encoder called {name}", hint, parameter="encoder")


def _check_tag(architecture: str, tag: str) -> None:
    """Refuse the name of a variant of the weights that timm does not have."""
    tags = [model.partition(".")[2] for model in timm.list_pretrained(f"{architecture}.*")]
    if tag not in tags:
        hint = did_you_mean(tag, tags) or f"Leave the tag out: {TIMM_PREFIX}{architecture}."
        raise UsageError(
            f"timm has no weights called {tag} for {architecture}", hint, parameter="encoder"
        )


def hub_weights(name: str) -> tuple[str, ...]:
    """Return the names of the weights that the hub has for an encoder."""
    if name.startswith(TIMM_PREFIX):
        configuration = timm.get_pretrained_cfg(name.removeprefix(TIMM_PREFIX))
        return ("imagenet",) if configuration is not None and configuration.has_weights else ()
    return tuple(smp.encoders.encoders[name]["pretrained_settings"])


def hub_normalisation(name: str, weights: str) -> Normalisation:
    """Return how images were normalised for the hub's weights of an encoder."""
    if name.startswith(TIMM_PREFIX):
        configuration = timm.get_pretrained_cfg(name.removeprefix(TIMM_PREFIX))
        if configuration is None:
            return IMAGENET_NORMALISATION
        mean, std = tuple(configuration.mean), tuple(configuration.std)
        return Normalisation((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))
    if weights == "advprop":
        return _HALVES
    odd = (numbers for start, numbers in _ODD_ENCODERS.items() if name.startswith(start))
    return next(odd, IMAGENET_NORMALISATION)
