"""A JSON schema of recipes for editors, with the parameters of every registered component."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.parameters import json_schema, marked_component
from toolkit.plugin.registry import Entry, Registry
from toolkit.recipe.schema import Recipe
from toolkit.recipe.schema_keys import SCHEMA_KEYS

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
    _point_at_kinds(recipe["properties"], Recipe)
    for table in {key.table for key in SCHEMA_KEYS if key.table is not None}:
        _point_at_kinds(definitions[table.__name__]["properties"], table)
    # A recipe may leave to the one that it extends what is required here.
    recipe.pop("required", None)
    definitions.pop(_SPEC, None)
    return {"$schema": _DIALECT, "title": "trash recipe", **recipe, "definitions": definitions}


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


def _point_at_kinds(properties: dict[str, Any], model: type[BaseModel]) -> None:
    """Replace the description of each component that a table names by that of its kind."""
    for name, field in model.model_fields.items():
        mark = marked_component(field)
        if mark is None:
            continue
        kind = mark.kind
        written = properties[name]
        # One that may be left out is an array or null.
        array = next((one for one in written.get("anyOf", [written]) if "items" in one), None)
        if array is not None:
            array["items"] = {"$ref": _reference(kind)}
        else:
            kept = {key: written[key] for key in ("description",) if key in written}
            table = {"$ref": _reference(kind)}
            either = {"anyOf": [{"type": "string"}, table]} if mark.by_name else table
            properties[name] = {**kept, **either}
