"""Parameters that a contract makes up: nested components, where a component requires them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.parameters import marked_kind
from toolkit.plugin.registry import Entry, Registry

_HOW_MANY = 2


def example_parameters(
    entry: Entry, registry: Registry, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return values for the required parameters that are not `given`, and those without a value."""
    model = registry.parameters(entry)
    made: dict[str, Any] = {}
    lacking = []
    for name, field in model.model_fields.items():
        if not field.is_required() or name in given:
            continue
        kind = marked_kind(field)
        tables = _components(kind, registry) if kind is not None else []
        if not tables:
            lacking.append(name)
        else:
            made[name] = tables[0] if field.annotation is ComponentSpec else tables
    return made, lacking


def _components(kind: str, registry: Registry) -> list[dict[str, str]]:
    """Return tables of components that need no parameters."""
    plain = [entry for entry in registry.entries(kind) if _needs_nothing(entry, registry)]
    return [{"name": f"{entry.source}:{entry.name}"} for entry in plain[:_HOW_MANY]]


def _needs_nothing(entry: Entry, registry: Registry) -> bool:
    try:
        fields = registry.parameters(entry).model_fields.values()
    except TrashError:  # its own report says so; it must not spoil that of another
        return False
    return not any(field.is_required() for field in fields)
