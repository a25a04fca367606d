from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, PositiveInt

from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import Component, ComponentSpec, OfKind
from toolkit.plugin.interfaces import Context
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.parameters import json_schema, parameter_model
from toolkit.plugin.registry import Entry, Registry

CONTEXT = Context(("background", "thing"))
Share = Annotated[float, Field(ge=0, le=1, description="share of the pixels.")]


def factory(
    context: Context,
    *,
    factor: Annotated[float, Field(ge=0, le=1)] = 0.5,
    size: tuple[PositiveInt, PositiveInt] = (3, 3),
    mode: Literal["mean", "max"] = "mean",
    steps: int,
    label: str | None = None,
) -> dict[str, Any]:
    return {"factor": factor, "size": size, "mode": mode, "steps": steps, "label": label}


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
    built = registry().build("loss", spec("one", steps=2, size=[5, 7], factor=1), CONTEXT)
    assert built == {"factor": 1.0, "size": (5, 7), "mode": "mean", "steps": 2, "label": None}
    assert registry().build("loss", spec("thing", depth=4), CONTEXT).depth == 4


@pytest.mark.parametrize(
    ("parameters", "path", "expected"),
    [
        ({}, ("steps",), "is required"),
        ({"steps": True}, ("steps",), "valid integer, not true"),
        ({"steps": 1.5}, ("steps",), "valid integer"),
        ({"steps": "1"}, ("steps",), 'valid integer, not "1"'),
        ({"steps": 1, "factor": 1.5}, ("factor",), "less than or equal to 1, not 1.5"),
        ({"steps": 1, "mode": "men"}, ("mode",), "'mean' or 'max', not \"men\""),
        ({"steps": 1, "size": [1, 0]}, ("size", 1), "greater than 0"),
        ({"steps": 1, "facter": 0.5}, ("facter",), "unknown key"),
    ],
)
def test_wrong_parameters_name_their_place(
    parameters: dict[str, Any], path: tuple[Any, ...], expected: str
) -> None:
    (problem,) = registry().problems("loss", spec("one", **parameters))
    assert problem.path == path
    assert expected in problem.message
    if "facter" in parameters:
        assert problem.hint == "Did you mean factor?"
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

    with pytest.raises(TrashError, match="cannot have a parameter called weight"):
        Registry(
            [Entry("loss", Component("x", lambda context, *, weight=1.0: None, ""), "test")]
        ).build("loss", spec("x"), CONTEXT)
    with pytest.raises(TrashError, match=r"parameter size of .*untyped has no type"):
        parameter_model(untyped, {})


def test_types_that_only_checkers_see_are_refused_with_a_reason() -> None:
    namespace: dict[str, Any] = {}
    exec("def late(context, *, x: 'OnlyForCheckers' = 1): ...", namespace)
    with pytest.raises(TrashError, match="'OnlyForCheckers' of late cannot be resolved"):
        parameter_model(namespace["late"], {})


def test_parameters_that_a_recipe_cannot_give_are_refused() -> None:
    def positional(context: Context, gamma: float = 2.0) -> None: ...

    with pytest.raises(TrashError, match=r"cannot give gamma to .*positional") as caught:
        parameter_model(positional, {})
    assert "(context, *, …)" in caught.value.hint
    assert parameter_model(positional, {}, n_given=2).model_fields == {}

    def named(context: Context, *, name: str = "x") -> None: ...

    with pytest.raises(TrashError, match="cannot have a parameter called name"):
        parameter_model(named, {})
    with pytest.raises(TrashError, match="cannot be found"):
        parameter_model(type, {})


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, context: Context, *, depth: PositiveInt = 2) -> int:
        return depth


def test_an_object_may_be_a_factory() -> None:
    found = Registry([Entry("loss", Component("it", Unhashable(), ""), "test")])
    assert found.build("loss", spec("it", depth=3), CONTEXT) == 3
    assert found.entries()[0].file is None
    bound = partial(factory, steps=2)
    found = Registry([Entry("loss", Component("it", bound, ""), "test")])
    assert found.build("loss", spec("it", factor=0.25), CONTEXT)["factor"] == 0.25


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_parameter_is_a_finite_number(value: float) -> None:
    (problem,) = registry().problems("loss", spec("one", steps=1, factor=value))
    assert "finite" in problem.message


def test_a_long_value_is_not_repeated() -> None:
    (problem,) = registry().problems("loss", spec("one", steps="x" * 1000))
    assert problem.message == "must be a valid integer"


def _fails(context: Context) -> None:
    raise KeyError("k")


def _exits(context: Context) -> None:
    raise SystemExit(3)


def _forgets(context: Context) -> None: ...


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_fails, r"loss it could not be made: KeyError: 'k' \(.*test_parameters.py:\d+\)"),
        (_exits, "loss it could not be made: SystemExit: 3"),
        (_forgets, "its factory returned nothing"),
    ],
)
def test_a_factory_that_fails_is_an_error_with_its_place(make: Any, expected: str) -> None:
    found = Registry([Entry("loss", Component("it", make, ""), "test")])
    with pytest.raises(TrashError, match=expected):
        found.build("loss", spec("it"), CONTEXT)


def test_a_type_that_a_recipe_cannot_hold_is_an_error() -> None:
    def odd(context: Context, *, change: Callable[[int], int] = abs) -> None: ...

    with pytest.raises(TrashError, match="cannot be described"):
        json_schema(parameter_model(odd, {}))


def test_what_a_parameter_means_is_in_the_docstring_or_the_annotation() -> None:
    def made(
        context: Context,
        *,
        kept: Share = 0.5,
        cut: Share = 0.1,
        odd: int = Field(3, ge=1),
        plain: int = 1,
    ) -> None:
        """Make it.

        Args:
            cut: share of the pixels
                that is lost.
            odd: its default is a field.
        """

    model = parameter_model(made, KINDS["loss"].common)
    weight = "factor of this loss in a sum or beside those of other outputs"
    assert {name: field.description for name, field in model.model_fields.items()} == {
        "weight": weight,
        "kept": "share of the pixels.",
        "cut": "share of the pixels that is lost.",
        "odd": "its default is a field.",
        "plain": None,
    }
    assert json_schema(model)["properties"]["cut"] == {
        "default": 0.1,
        "description": "share of the pixels that is lost.",
        "maximum": 1,
        "minimum": 0,
        "title": "Cut",
        "type": "number",
    }
