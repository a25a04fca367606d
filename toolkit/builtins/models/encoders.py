"""Encoders by name."""

from __future__ import annotations

import segmentation_models_pytorch as smp
import timm

from toolkit import UsageError
from toolkit.errors import nearest

TIMM_PREFIX = "tu-"


def check_encoder(name: str) -> None:
    """Refuse an encoder that neither smp nor timm has.

    Raises:
        UsageError: with the nearest name.
    """
    if name.startswith(TIMM_PREFIX):
        known = timm.is_model(_architecture(name))
    else:
        known = name in smp.encoders.encoders
    if not known:
        near = nearest(
            name, [*smp.encoders.encoders, *(TIMM_PREFIX + m for m in timm.list_models())]
        )
        hint = f"Did you mean {near}?" if near else "Any timm model works as tu-<its name>."
        raise UsageError(f"there is no encoder called {name}", hint)


def hub_weights(name: str) -> tuple[str, ...]:
    """Return the names of the weights that the hub has for an encoder."""
    if name.startswith(TIMM_PREFIX):
        configuration = timm.get_pretrained_cfg(name.removeprefix(TIMM_PREFIX))
        return ("imagenet",) if configuration is not None and configuration.has_weights else ()
    return tuple(smp.encoders.encoders[name]["pretrained_settings"])


def _architecture(name: str) -> str:
    return name.removeprefix(TIMM_PREFIX).partition(".")[0]
