"""What differs between two recipes, with the place of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, get_args

from toolkit.plugin.registry import Registry
from toolkit.recipe.effect import Changed
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import KeyPath, dotted
from toolkit.recipe.schema_keys import effect_of, position_of
from toolkit.recipe.show import in_one_line, origin_of, resolved_values


@dataclass(frozen=True)
class ValueDifference:
    """A value that differs; None = the recipe does not have it.

    Attributes:
        key: dotted, of the first recipe where it has the value.
        first: as TOML.
        second: of the second recipe.
        changes: what such a difference changes first.
        first_origin: where the first value was written, or "default".
        second_origin: of the second recipe.
    """

    key: str
    first: str | None
    second: str | None
    changes: Changed
    first_origin: str | None
    second_origin: str | None


@dataclass(frozen=True)
class _Place:
    """A value of a recipe and its key; None = there is none."""

    path: KeyPath
    value: Any


def value_differences(
    first: LoadedRecipe, second: LoadedRecipe, registry: Registry
) -> list[ValueDifference]:
    """Return every resolved value that differs between two recipes, in the order of the schema.

    Defaults of components' parameters count as written. A component of another name is one
    difference, with its parameters; steps of a list are compared with those of the same name.
    """
    places = _differing(
        _Place((), resolved_values(first, registry)), _Place((), resolved_values(second, registry))
    )
    ordered = sorted(places, key=lambda pair: position_of(_path_of(*pair)))
    return [_difference(a, b, first, second) for a, b in ordered]


def furthest_effect(differences: Sequence[ValueDifference]) -> Changed | None:
    """Return what two recipes differ in first: "training" before "prediction"; None = in nothing.

    What comes later changes with it.
    """
    order: tuple[Changed, ...] = get_args(Changed)
    return min((each.changes for each in differences), key=order.index, default=None)


def _difference(a: _Place, b: _Place, first: LoadedRecipe, second: LoadedRecipe) -> ValueDifference:
    effect = effect_of(_path_of(a, b))
    assert effect is not None  # every key of the schema says it
    return ValueDifference(
        key=dotted(_path_of(a, b)),
        first=_shown(a),
        second=_shown(b),
        changes=effect.on,
        first_origin=_origin(a, first),
        second_origin=_origin(b, second),
    )


def _shown(place: _Place) -> str | None:
    return None if place.value is None else in_one_line(place.value)


def _path_of(a: _Place, b: _Place) -> KeyPath:
    return b.path if a.value is None else a.path


def _origin(place: _Place, loaded: LoadedRecipe) -> str | None:
    if place.value is None:
        return None
    name = (*place.path, "name")
    return origin_of(loaded, name if _is_component(place.value) else place.path)


def _differing(a: _Place, b: _Place) -> Iterator[tuple[_Place, _Place]]:
    if a.value == b.value:
        return
    values = [each.value for each in (a, b) if each.value is not None]
    if all(isinstance(value, Mapping) for value in values) and _may_be_taken_apart(values):
        yield from _differing_tables(a, b)
    elif all(_is_list_of_components(value) for value in values):
        yield from _differing_lists(a, b)
    else:
        yield a, b


def _may_be_taken_apart(tables: Sequence[Mapping[str, Any]]) -> bool:
    """Whether tables are compared key by key: components only with others of their name."""
    if not any(map(_is_component, tables)):
        return True
    return len(tables) == 2 and tables[0].get("name") == tables[1].get("name")


def _differing_tables(a: _Place, b: _Place) -> Iterator[tuple[_Place, _Place]]:
    first, second = a.value or {}, b.value or {}
    for key in dict.fromkeys((*first, *second)):
        yield from _differing(
            _Place((*a.path, key), first.get(key)), _Place((*b.path, key), second.get(key))
        )


def _differing_lists(a: _Place, b: _Place) -> Iterator[tuple[_Place, _Place]]:
    first, second = _items(a), _items(b)
    names, others = ([each.value["name"] for each in items] for items in (first, second))
    aligned = SequenceMatcher(None, names, others, autojunk=False)
    absent = _Place(a.path, None)
    for _, begin, end, other_begin, other_end in aligned.get_opcodes():
        steps = first[begin:end], second[other_begin:other_end]
        for one, other in zip_longest(*steps, fillvalue=absent):
            yield from _differing(one, other)


def _items(place: _Place) -> list[_Place]:
    return [_Place((*place.path, number), item) for number, item in enumerate(place.value or ())]


def _is_component(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("name"), str)


def _is_list_of_components(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(map(_is_component, value))
