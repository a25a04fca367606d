"""Factories of the losses; what they make is in the modules beside this package."""

from __future__ import annotations

from toolkit import Component
from toolkit.builtins.losses.factories import boundary, compounds, pixel, region

COMPONENTS: tuple[Component, ...] = (
    *pixel.COMPONENTS,
    *region.COMPONENTS,
    *boundary.COMPONENTS,
    *compounds.COMPONENTS,
)
