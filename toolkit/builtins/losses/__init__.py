"""Training losses."""

from __future__ import annotations

from toolkit import Component, hookimpl
from toolkit.builtins.losses.factories import COMPONENTS


@hookimpl
def trash_losses() -> list[Component]:
    """Return the built-in losses."""
    return list(COMPONENTS)
