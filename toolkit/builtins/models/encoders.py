"""Encoders by name."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import timm

from toolkit import UsageError
from toolkit.errors import did_you_mean, nearest

TIMM_PREFIX = "tu-"


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
