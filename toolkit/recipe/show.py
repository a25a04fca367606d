"""A resolved recipe as text, with the origin of each value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import tomli_w

from toolkit.plugin.registry import Registry
from toolkit.recipe.components import component_specs
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import KeyPath, dotted
from toolkit.recipe.schema_keys import effect_of


def resolved_values(loaded: LoadedRecipe, registry: Registry) -> dict[str, Any]:
    """Return every value of the recipe, defaults of components' parameters included."""
    values: dict[str, Any] = loaded.recipe.model_dump(mode="json")
    for path, kind, spec in component_specs(loaded.recipe):
        target: Any = values
        for part in path:
            target = target[part]
        model = registry.parameters(registry.find(kind, spec.name))
        for name, field in model.model_fields.items():
            if name not in target and not field.is_required():
                default = field.get_default(call_default_factory=True)
                target[name] = list(default) if isinstance(default, tuple) else default
    return values


def own_values(loaded: LoadedRecipe) -> dict[str, Any]:
    """Return dotted key -> value of what a recipe's file says in place of those that it extends.

    Of a variant it is what the study changes in its base. Nothing for a recipe that extends none.
    What changes no result, such as the title, is left out.
    """
    files = {origin.file for origin in loaded.layers.origins.values() if origin.file is not None}
    if files <= loaded.layers.files:
        return {}
    plain = json.loads(json.dumps(loaded.layers.values, default=str))
    found = {}
    for path, value in _leaves(plain, ()):
        origin, effect = loaded.layers.origins.get(path), effect_of(path)
        is_own = origin is not None and origin.file in loaded.layers.files
        if is_own and not (effect is not None and effect.on == "nothing"):
            found[dotted(path)] = value
    return found


def as_toml(values: dict[str, Any]) -> str:
    """Return values as TOML; keys without a value (None) are left out."""
    return tomli_w.dumps(_without_none(values), multiline_strings=False)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


def key_values(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (key, value as TOML) of every leaf that has a value."""
    for path, value in _leaves(values, ()):
        if value is not None:
            yield dotted(path), in_one_line(value)


def origin_rows(loaded: LoadedRecipe, values: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value as TOML, origin) of every leaf."""
    for path, value in _leaves(values, ()):
        if value is not None:
            yield dotted(path), in_one_line(value), origin_of(loaded, path)


def origin_of(loaded: LoadedRecipe, path: KeyPath) -> str:
    """Return where a value was written, as people read it: a line of a file, or "default"."""
    return str(loaded.origin(path))


def in_one_line(value: Any) -> str:
    """Return a value as TOML writes it inside an array; keys without a value are left out."""
    if isinstance(value, dict):
        items = ((key, item) for key, item in value.items() if item is not None)
        inside = ", ".join(f"{key} = {in_one_line(item)}" for key, item in items)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_one_line, value)) + "]"
    return as_toml({"x": value}).strip().removeprefix("x = ")


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    else:
        yield path, value
