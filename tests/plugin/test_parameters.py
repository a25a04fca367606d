from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, PositiveInt

from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import Component, ComponentSpec, OfKind
from toolkit.plugin.interfaces import Context
from toolkit.plugin.parameters import parameter_model
from toolkit.plugin.registry import Entry, Registry

CONTEXT = Context(("background", "thing"))


def factory(
    context: Context,
    *,
    weight: Annotated[float, Field(ge=0, le=1)] = 0.5,
    size: tuple[PositiveInt, PositiveInt] = (3, 3),
    mode: Literal["mean", "max"] = "mean",
    steps: int,
    label: str | None = None,
) -> dict[str, Any]:
    return {"weight": weight, "size": size, "mode": mode, "steps": steps, "label": label}


def group(context: Context, *, of: list[Annotated[ComponentSpec, OfKind("loss")]]) -> list[Any]:
    return [context.build("loss", spec) for spec in of]


class Thing:
    def __init__(self, context: Context, *, depth: PositiveInt = 2) -> None:
        self.depth = depth


def registry() -> Registry:
    components = [("one", factory), ("group", group), ("thing", Thing)]
    return Registry(
        [Entry("loss", Component(name, make, ""), "builtin") for name, make in components]
        + [Entry("augmentation", Component("thing", Thing, ""), "builtin")]
    )


def spec(name: str, **parameters: Any) -> ComponentSpec:
    return ComponentSpec(name=name, **parameters)


def test_values_arrive_typed_and_defaults_apply() -> None:
    built = registry().build("loss", spec("one", steps=2, size=[5, 7], weight=1), CONTEXT)
    assert built == {"weight": 1.0, "size": (5, 7), "mode": "mean", "steps": 2, "label": None}
    assert registry().build("loss", spec("thing", depth=4), CONTEXT).depth == 4


@pytest.mark.parametrize(
    ("parameters", "path", "expected"),
    [
        ({}, ("steps",), "is required"),
        ({"steps": True}, ("steps",), "valid integer, not true"),
        ({"steps": 1.5}, ("steps",), "valid integer"),
        ({"steps": "1"}, ("steps",), 'valid integer, not "1"'),
        ({"steps": 1, "weight": 1.5}, ("weight",), "less than or equal to 1, not 1.5"),
        ({"steps": 1, "mode": "men"}, ("mode",), "'mean' or 'max', not \"men\""),
        ({"steps": 1, "size": [1, 0]}, ("size", 1), "greater than 0"),
        ({"steps": 1, "wieght": 0.5}, ("wieght",), "unknown key"),
    ],
)
def test_wrong_parameters_name_their_place(
    parameters: dict[str, Any], path: tuple[Any, ...], expected: str
) -> None:
    (problem,) = registry().problems("loss", spec("one", **parameters))
    assert problem.path == path
    assert expected in problem.message
    if "wieght" in parameters:
        assert problem.hint == "Did you mean weight?"
    with pytest.raises(UsageError, match="loss one: "):
        registry().build("loss", spec("one", **parameters), CONTEXT)


def test_nested_components_are_checked_and_built() -> None:
    good = spec("group", of=[{"name": "one", "steps": 1}, {"name": "thing"}])
    assert registry().problems("loss", good) == []
    built = registry().build("loss", good, CONTEXT)
    assert built[0]["steps"] == 1
    assert isinstance(built[1], Thing)
    bad = spec(
        "group", of=[{"name": "one", "steps": 1}, {"name": "thing", "depht": 1}, {"name": "on"}]
    )
    found = [
        (problem.path, problem.hint.splitlines()[0]) for problem in registry().problems("loss", bad)
    ]
    assert found == [
        (("of", 1, "depht"), "Did you mean depth?"),
        (("of", 2, "name"), "Did you mean one?"),
    ]


def test_parameters_common_to_a_kind_are_not_the_factorys() -> None:
    assert registry().problems("augmentation", spec("thing", p=0.3)) == []
    assert registry().build("augmentation", spec("thing", p=0.3), CONTEXT).depth == 2
    (problem,) = registry().problems("augmentation", spec("thing", p=1.3))
    assert problem.path == ("p",)


def test_a_parameter_without_type_is_refused() -> None:
    def untyped(context: Context, *, size=3) -> None:  # type: ignore[no-untyped-def]
        pass

    with pytest.raises(TrashError, match=r"parameter size of .*untyped has no type"):
        parameter_model(untyped, {})


def test_types_that_only_checkers_see_are_refused_with_a_reason() -> None:
    namespace: dict[str, Any] = {}
    exec("def late(context, *, x: 'OnlyForCheckers' = 1): ...", namespace)
    with pytest.raises(TrashError, match="'OnlyForCheckers' of late cannot be resolved"):
        parameter_model(namespace["late"], {})
