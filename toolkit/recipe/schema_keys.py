"""The keys of the recipe and what the schema says of each: every list of keys comes from here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from toolkit.plugin.parameters import marked_component
from toolkit.recipe.effect import Changed, Effect
from toolkit.recipe.schema import Recipe
from toolkit.recipe.section import Section

ANY_NAME = "*"
"""Stands in a key for a name that the recipe chooses."""


@dataclass(frozen=True)
class SchemaKey:
    """A key of the recipe, or of a table in it.

    Attributes:
        path: its names from the outermost table on, `ANY_NAME` for one that the recipe chooses.
        table: the table that the key holds, or None.
        kind: the kind of component that it names, or None.
        is_array: whether it holds an array, of components for example.
        by_name: whether the name of a component may stand for its table.
        effect: what it changes: its own mark or that of the table around it; None without either.
    """

    path: tuple[str, ...]
    table: type[Section] | None
    kind: str | None
    is_array: bool
    by_name: bool
    effect: Effect | None


def _keys_of(
    table: type[Section], path: tuple[str, ...], around: Effect | None
) -> Iterator[SchemaKey]:
    for name, field in table.model_fields.items():
        own = next((mark for mark in field.metadata if isinstance(mark, Effect)), around)
        inner = _table_in(field.annotation)
        is_array = _holds_array(field.annotation)
        mark = marked_component(field)
        kind, by_name = (mark.kind, mark.by_name) if mark else (None, False)
        yield SchemaKey((*path, name), inner, kind, is_array, by_name, own)
        if inner is not None:
            chosen = (ANY_NAME,) if get_origin(field.annotation) is dict else ()
            yield from _keys_of(inner, (*path, name, *chosen), own)


def _table_in(annotation: Any) -> type[Section] | None:
    """Return the table that an annotation such as `Pseudo | None` holds."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for part in get_args(annotation) if (found := _table_in(part))), None)


def _holds_array(annotation: Any) -> bool:
    return tuple in (get_origin(annotation), *map(get_origin, get_args(annotation)))


SCHEMA_KEYS = tuple(_keys_of(Recipe, (), None))
"""Every key, components' parameters apart, in the order of the schema."""

_EFFECTS = {key.path: key.effect for key in SCHEMA_KEYS}


_POSITIONS = {path: number for number, path in enumerate(_EFFECTS)}


def position_of(path: Sequence[str | int]) -> int:
    """Return the place in the schema of the key that a value of a recipe belongs to, from 0."""
    known = (tuple(path[:length]) for length in range(len(path), 0, -1))
    return next((_POSITIONS[key] for key in known if key in _POSITIONS), -1)  # type: ignore[index]


def effect_of(path: Sequence[str | int]) -> Effect | None:
    """Return what a value of a recipe changes; None where the schema has no such key.

    Args:
        path: names and indices from the outermost table on, also of a component's parameter.
    """
    for length in range(len(path), 0, -1):
        effect = _EFFECTS.get(tuple(path[:length]))  # type: ignore[arg-type]
        if effect is not None:
            return effect
    return None


def changes(path: Sequence[str | int], what: Changed) -> bool:
    """Return whether this is what a value of a recipe changes first."""
    effect = effect_of(path)
    return effect is not None and effect.on == what


def values_at(tree: object, path: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (path, value) of what a recipe has at a path of the schema; none if a table is missing.

    Args:
        tree: a recipe, or the tables that one is made from.
        path: as in `SchemaKey`.
    """
    if not path:
        yield (), tree
        return
    name, *rest = path
    if isinstance(tree, BaseModel):
        below = {name: getattr(tree, name)}
    else:
        below = dict(tree) if isinstance(tree, dict) else {}
        if name != ANY_NAME:
            below = {name: below[name]} if name in below else {}
    for each, value in below.items():
        for inner, found in values_at(value, rest):
            yield (each, *inner), found
