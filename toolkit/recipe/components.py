"""The components that a recipe names, checked against what the plugins offer; imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import MissingPackage, Registry
from toolkit.recipe.layers import Layers
from toolkit.recipe.problems import DEFAULT, KeyPath, RecipeProblem, dotted
from toolkit.recipe.schema import Recipe
from toolkit.recipe.schema_keys import SCHEMA_KEYS, values_at
from toolkit.recipe.views import check_view, read_views


def component_specs(recipe: Recipe) -> Iterator[tuple[KeyPath, str, ComponentSpec]]:
    """Yield (key, kind, spec) of each component that a recipe names, in the schema's order."""
    for path, kind, value in _named_components(recipe):
        if isinstance(value, ComponentSpec):
            yield path, kind, value


def _named_components(tree: object) -> Iterator[tuple[KeyPath, str, object]]:
    """Yield (key, kind, value) of a recipe's keys, typed or as written, that name components."""
    for key in SCHEMA_KEYS:
        if key.kind is None:
            continue
        for path, value in values_at(tree, key.path):
            if not key.is_array:
                yield path, key.kind, value
            elif isinstance(value, list | tuple):
                for index, item in enumerate(value):
                    yield (*path, index), key.kind, item


def component_problems(layers: Layers, registry: Registry) -> list[RecipeProblem]:
    """Return all unknown component names and wrong parameters, each with its place.

    Works on the merged values, so that a recipe whose other keys are wrong is checked all the same;
    what is no component table at all is the schema's to report.
    """
    found = []
    for path, kind, spec in _written_specs(layers.values):
        for problem in registry.problems(kind, spec):
            key = (*path, *problem.path)
            origin = layers.origin(key) or DEFAULT
            found.append(RecipeProblem(origin, dotted(key), problem.message, problem.hint))
    for _, views in values_at(layers.values, ("predict", "views")):
        if not isinstance(views, str):
            continue
        try:
            for name in read_views(views).names:
                check_view(name, registry)
        except TrashError as error:
            origin = layers.origin(("predict", "views")) or DEFAULT
            found.append(RecipeProblem(origin, "predict.views", error.message, error.hint))
    return found


def missing_packages(recipe: Recipe, layers: Layers, registry: Registry) -> list[RecipeProblem]:
    """Return the components of a recipe whose package is not installed, each with its place."""
    found = []
    for path, kind, spec in component_specs(recipe):
        try:
            registry.require_package(kind, spec)
        except MissingPackage as error:
            key = (*path, "name")
            origin = layers.origin(key) or DEFAULT
            found.append(RecipeProblem(origin, dotted(key), error.message, error.hint))
    return found


def default_components() -> dict[KeyPath, tuple[str, ComponentSpec]]:
    """Return key -> (kind, spec) of the components that a recipe has without naming them."""
    found: dict[KeyPath, tuple[str, ComponentSpec]] = {}
    for key in SCHEMA_KEYS:
        if key.kind is not None and len(key.path) == 1:
            default = Recipe.model_fields[key.path[0]].get_default(call_default_factory=True)
            if isinstance(default, ComponentSpec):
                found[key.path] = key.kind, default
    return found


def parameter_keys(layers: Layers, registry: Registry) -> Iterator[KeyPath]:
    """Yield the key of every parameter of the components that a recipe names, or has by default."""
    written = {path: (kind, spec) for path, kind, spec in _written_specs(layers.values)}
    for path, (kind, spec) in {**default_components(), **written}.items():
        try:
            model = registry.parameters(registry.find(kind, spec.name))
        except TrashError:
            continue  # reported with the component itself
        yield from ((*path, name) for name in model.model_fields)


def _written_specs(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, ComponentSpec]]:
    for path, kind, value in _named_components(values):
        if (spec := _spec(value)) is not None:
            yield path, kind, spec


def _spec(value: object) -> ComponentSpec | None:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return ComponentSpec.model_validate(dict(value))
    return None
