"""Which numbers a key of a recipe may have, by the schema or by a component's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import TrashError
from toolkit.plugin.parameters import json_schema
from toolkit.plugin.registry import Registry
from toolkit.recipe.components import component_specs
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import KeyPath
from toolkit.recipe.schema import Recipe


@dataclass(frozen=True)
class NumberRange:
    """What a key allows.

    Attributes:
        whole: whether only whole numbers.
        low: the smallest allowed number; None = no limit, or one that is not allowed itself.
        high: the largest one, likewise.
    """

    whole: bool
    low: float | None
    high: float | None


def number_range(key: KeyPath, loaded: LoadedRecipe, registry: Registry) -> NumberRange | None:
    """Return which numbers a key may have; None where it holds no number.

    Args:
        key: names and indices, from the outermost table on.
        loaded: the recipe, which says whose parameters those of a component are.
        registry: the components.
    """
    found = _number(_property(key, loaded, registry))
    if found is None:
        return None
    return NumberRange(found["type"] == "integer", found.get("minimum"), found.get("maximum"))


def _property(key: KeyPath, loaded: LoadedRecipe, registry: Registry) -> Mapping[str, Any]:
    for path, kind, spec in component_specs(loaded.recipe):
        if key[:-1] == path:
            try:
                schema = json_schema(registry.parameters(registry.find(kind, spec.name)))
            except TrashError:
                return {}
            found: Mapping[str, Any] = schema.get("properties", {}).get(key[-1], {})
            return found
    schema = Recipe.model_json_schema()
    definitions, place = schema["$defs"], schema
    for part in key:
        place = place.get("properties", {}).get(part, {})
        for option in (place, *place.get("anyOf", ())):
            if "$ref" in option:
                place = definitions[option["$ref"].rpartition("/")[2]]
    return place


def _number(place: Mapping[str, Any]) -> Mapping[str, Any] | None:
    options: list[Mapping[str, Any]] = [place, *place.get("anyOf", ())]
    for wanted in ("number", "integer"):
        for option in options:
            if option.get("type") == wanted:
                return option
    return None
