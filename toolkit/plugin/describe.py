"""What `trash plugin list` and `show` say about components."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.parameters import Parameters, factory_docstring, json_schema, marked_kind
from toolkit.plugin.registry import Entry, Registry
from toolkit.suggestions import nearest

UNSET = "unset"
"""Stands for a default that TOML cannot write."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a component, as a recipe may write it.

    Attributes:
        name: its key.
        type: in words: "number 0…1", 'text: "none" or "1-share"'.
        default: as TOML would write it, `UNSET` for nothing, or None when it is required.
        description: from the factory's docstring or the annotation; may be empty.
    """

    name: str
    type: str
    default: str | None
    description: str


@dataclass(frozen=True)
class Description:
    """A component with its parameters and where it lives."""

    name: str
    kind: str
    source: str
    version: str | None
    aliases: tuple[str, ...]
    summary: str
    details: str
    parameters: tuple[Parameter, ...]
    file: str | None
    line: int | None
    needs_rgb: bool

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def describe(entry: Entry, registry: Registry) -> Description:
    """Return everything a user may want to know about a component.

    Raises:
        TrashError: its parameters cannot be described.
    """
    model = registry.parameters(entry)
    text, _ = factory_docstring(entry.component.factory)
    schema = json_schema(model)
    return Description(
        name=entry.name,
        kind=entry.kind,
        source=entry.source,
        version=entry.version,
        aliases=entry.component.aliases,
        summary=entry.component.summary,
        details=text,
        parameters=tuple(
            Parameter(
                name=name,
                type=_type(schema["properties"][name], schema, marked_kind(field)),
                default=None if field.is_required() else _default(field.get_default()),
                description=field.description or "",
            )
            for name, field in _own_first(model, entry.kind)
        ),
        file=str(entry.file) if entry.file else None,
        line=entry.line,
        needs_rgb=entry.component.needs_rgb,
    )


def _own_first(model: type[Parameters], kind: str) -> list[tuple[str, Any]]:
    return sorted(model.model_fields.items(), key=lambda item: item[0] in KINDS[kind].common)


def find_entries(registry: Registry, name: str, kind: str | None) -> tuple[Entry, ...]:
    """Return the components called `name` (or `source:name`, an alias, or a plugin's own name).

    Args:
        registry: where to look.
        name: what the user typed.
        kind: only this kind; None looks in all.

    Raises:
        UsageError: nothing has that name.
    """
    check_kind(kind)
    source, _, plain = name.rpartition(":")
    entries = registry.entries(kind)
    found = tuple(
        entry
        for entry in entries
        if plain in (entry.name, *entry.component.aliases) and source in ("", entry.source)
    ) or tuple(entry for entry in entries if entry.source == name)
    if found:
        return found
    for failure in registry.failures:
        if failure.source == name:
            raise UsageError(f"plugin {name} could not be loaded: {failure.reason}")
    near = nearest(plain, [e.name for e in entries] + [e.source for e in entries])
    raise UsageError(
        f"no {kind or 'component'} is called {name}",
        f"Did you mean {near}?" if near else "List them: trash plugin list",
    )


def one_line(entry: Entry) -> str:
    """Return the summary and other names."""
    aliases = ", ".join(entry.component.aliases)
    return entry.component.summary + (f" (also {aliases})" if aliases else "")


def check_kind(kind: str | None) -> None:
    """Refuse a kind that does not exist."""
    if kind is not None and kind not in KINDS:
        near = nearest(kind, KINDS)
        raise UsageError(
            f"there is no kind called {kind}",
            f"Did you mean {near}?" if near else "Valid: " + ", ".join(KINDS),
        )


def _default(value: Any) -> str:
    if value is None:
        return UNSET
    return json.dumps(value, default=str, ensure_ascii=False)


def _type(schema: Mapping[str, Any], root: Mapping[str, Any], kind: str | None) -> str:
    """Put one JSON schema into words."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"{kind} table" if kind else _type(root["$defs"][name], root, None)
    if "anyOf" in schema:
        options = [_type(option, root, kind) for option in schema["anyOf"]]
        return " or ".join(option for option in options if option != "null")
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in values)
    if schema.get("type") == "array":
        return _array(schema, root, kind)
    written = str(schema.get("type", "any value"))
    plain = {"string": "text", "boolean": "true or false", "object": "table"}.get(written, written)
    return f"{plain} {limits}" if (limits := _limits(schema)) else plain


def _array(schema: Mapping[str, Any], root: Mapping[str, Any], kind: str | None) -> str:
    if "prefixItems" in schema:
        return "[" + ", ".join(_type(item, root, kind) for item in schema["prefixItems"]) + "]"
    one = _type(schema.get("items", {}), root, kind)
    first, blank, rest = one.partition(" ")
    if first in _SEVERAL and " or " not in one:
        return f"list of {_SEVERAL[first]}{blank}{rest}"
    return f"list of ({one})" if " or " in one else f"list of {one}s"


_SEVERAL = {"integer": "integers", "number": "numbers", "text": "texts", "table": "tables"}


def _limits(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{low:g}…{high:g}"
    parts = [
        f"{sign} {limit:g}"
        for sign, limit in (("≥", low), (">", above), ("≤", high), ("<", below))
        if limit is not None
    ]
    return ", ".join(parts)
