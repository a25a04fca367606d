"""Segmentation networks."""

from __future__ import annotations

from toolkit import Component, hookimpl
from toolkit.builtins.models import (
    fcn,
    hmsa,
    hrnet,
    semantic_branches,
    smp_families,
    torchvision_deeplab,
)

# Modules of factories, each with its COMPONENTS; none imports torch before a factory is called.
_MODULES = (smp_families, fcn, torchvision_deeplab, hrnet, hmsa, semantic_branches)


@hookimpl
def trash_models() -> list[Component]:
    """Return the built-in networks."""
    return [component for module in _MODULES for component in module.COMPONENTS]
