from __future__ import annotations

from typing import Annotated

from toolkit import Component, ComponentSpec, Context, OfKind
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing.examples import example_parameters


def one(context: Context, *, network: Annotated[ComponentSpec, OfKind("model")]) -> None: ...


def several(
    context: Context, *, networks: list[Annotated[ComponentSpec, OfKind("model")]], n: int
) -> None: ...


def simple(context: Context) -> None: ...


def made_up(factory: object, *others: object) -> tuple[dict[str, object], list[str]]:
    entries = [
        Entry("model", Component(f"model{index}", each, "for a test"), "test")
        for index, each in enumerate((factory, *others))
    ]
    return example_parameters(entries[0], Registry(entries), {})


def test_one_component_is_a_table() -> None:
    assert made_up(one, simple, simple) == ({"network": {"name": "test:model1"}}, [])


def test_several_components_are_a_list() -> None:
    tables = [{"name": "test:model1"}, {"name": "test:model2"}]
    assert made_up(several, simple, simple) == ({"networks": tables}, ["n"])


def test_a_component_is_lacking_where_none_can_be_made() -> None:
    assert made_up(one) == ({}, ["network"])
