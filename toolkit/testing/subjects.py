"""The components that `trash plugin check` looks at, each with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.describe import find_entries
from toolkit.plugin.registry import Entry, Registry
from toolkit.recipe.assignment import parse_assignment
from toolkit.recipe.layers import Layers
from toolkit.recipe.schema import Recipe
from toolkit.testing.from_recipe import recipe_tables


def choose_subjects(
    name: str | None, kind: str | None, set_: list[str], recipe: Recipe | None, registry: Registry
) -> list[tuple[Entry, dict[str, Any]]]:
    """Return the components to check, each with its parameters.

    Raises:
        UsageError: there is no such component, or --set names no parameter of one.
    """
    tables: list[tuple[Entry, dict[str, Any]]] = []
    if recipe is not None:
        tables = [pair for pair in recipe_tables(recipe, registry) if kind in (None, pair[0].kind)]
    if name is None:
        if set_:
            raise UsageError(
                "--set goes with the name of a component", "For example: trash plugin check NAME …"
            )
        return tables if recipe is not None else [(e, {}) for e in registry.entries(kind)]
    found = []
    for entry in find_entries(registry, name, kind):
        own = [table for other, table in tables if other == entry] or [{}]
        found += [(entry, _with_values(entry, table, set_, registry)) for table in own]
    return found


def _with_values(
    entry: Entry, table: Mapping[str, Any], set_: list[str], registry: Registry
) -> dict[str, Any]:
    """Return a table changed by `--set`, which may not name what the component does not have."""
    layers = Layers(deepcopy(dict(table)))
    for text in set_:
        layers.set(text)
    changed = {parse_assignment(text)[0][0] for text in set_}
    spec = ComponentSpec(name=f"{entry.source}:{entry.name}", **layers.values)
    for problem in registry.problems(entry.kind, spec):
        if problem.path and problem.path[0] in changed:
            where = ".".join(map(str, problem.path))
            raise UsageError(f"{entry.kind} {entry.name}: {where}: {problem.message}", problem.hint)
    return layers.values
