"""A JSON schema of recipes for editors, with the parameters of every registered component."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import models_json_schema

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.parameters import json_schema, marked_kind
from toolkit.plugin.registry import Entry, Registry
from toolkit.recipe.components import LISTS, SINGLE
from toolkit.recipe.schema import Recipe

_DIALECT = "http://json-schema.org/draft-07/schema#"
_SPEC = ComponentSpec.__name__


def recipe_json_schema(registry: Registry) -> dict[str, Any]:
    """Return a draft-07 schema; editors complete names and parameters from it."""
    _, combined = models_json_schema([(Recipe, "validation")], ref_template="#/definitions/{model}")
    definitions: dict[str, Any] = combined["$defs"]
    for kind in KINDS:
        definitions[_definition(kind)] = {
            "anyOf": [
                option
                for entry in registry.entries(kind)
                if (option := _option(entry, registry, definitions))
            ]
        }
    recipe = definitions.pop(Recipe.__name__)
    recipe["properties"]["extends"] = {
        "description": "Recipe (or recipes) to start from, relative to this file.",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    for path, kind in SINGLE.items():
        properties = _table(path, recipe, definitions)["properties"]
        description = properties[path[-1]].get("description", "")
        properties[path[-1]] = {"description": description, "$ref": _reference(kind)}
    for path, kind in LISTS.items():
        field = _table(path, recipe, definitions)["properties"][path[-1]]
        # One that may be left out is an array or null.
        array = next((one for one in field.get("anyOf", ()) if one["type"] == "array"), field)
        array["items"] = {"$ref": _reference(kind)}
    definitions["Auxiliary"]["properties"]["loss"] = {"$ref": _reference("loss")}
    # A recipe may leave to the one that it extends what is required here.
    recipe.pop("required", None)
    definitions.pop(_SPEC, None)
    return {"$schema": _DIALECT, "title": "trash recipe", **recipe, "definitions": definitions}


def _table(
    path: tuple[str, ...], recipe: dict[str, Any], definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return the definition of the table that a key of the recipe is in."""
    table: dict[str, Any] = recipe if len(path) == 1 else definitions[path[0].capitalize()]
    return table


def _definition(kind: str) -> str:
    return f"component.{kind}"


def _reference(kind: str) -> str:
    return f"#/definitions/{_definition(kind)}"


def _option(entry: Entry, registry: Registry, definitions: dict[str, Any]) -> dict[str, Any] | None:
    try:
        model = registry.parameters(entry)
        schema = json_schema(model, "#/definitions/{model}")
    except TrashError:
        return None  # `trash plugin check` reports it; the schema has only what works
    for name, definition in schema.pop("$defs", {}).items():
        if name != _SPEC:
            definitions[name] = definition
    names = [entry.name, *entry.component.aliases, f"{entry.source}:{entry.name}"]
    properties = {"name": {"enum": names}, **schema.get("properties", {})}
    _point_at_kinds(properties, model)
    return {
        "type": "object",
        "title": entry.name,
        "description": entry.component.summary,
        "properties": properties,
        "required": ["name", *schema.get("required", [])],
        "additionalProperties": False,
    }


def _point_at_kinds(properties: dict[str, Any], model: Any) -> None:
    for name, field in model.model_fields.items():
        kind = marked_kind(field)
        if kind is None:
            continue
        target = properties[name]
        if "items" in target:
            target["items"] = {"$ref": _reference(kind)}
        else:
            properties[name] = {"$ref": _reference(kind)}
