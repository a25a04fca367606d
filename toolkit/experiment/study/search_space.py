"""The keys that a search changes, with the values that it tries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.recipe.assignment import parse_assignment
from toolkit.recipe.load import LoadedRecipe, load_recipe
from toolkit.recipe.number_range import number_range
from toolkit.recipe.problems import RecipeError
from toolkit.recipe.show import as_toml
from toolkit.recipe.study import BASE, SearchRange, Study
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class SearchKey:
    """A key of the recipe with the values to try: choices, or a range of numbers.

    Attributes:
        key: dotted.
        choices: TOML texts of the values; () = a range.
        low: the smallest value of a range.
        high: the largest one.
        log: whether the logarithm is drawn evenly.
        whole: whether only whole numbers.
    """

    key: str
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False
    whole: bool = False

    def assignment(self, value: Any) -> str:
        """Return the `--set` text for a value, of choices for their TOML text."""
        return f"{self.key}={value if self.choices else _toml(value)}"

    def ends(self) -> list[Any]:
        """Return the values that a recipe must allow: every choice, or both ends."""
        return list(self.choices) if self.choices else [self.low, self.high]


def search_space(workspace: Workspace, study: Study, set_: tuple[str, ...]) -> list[SearchKey]:
    """Return the keys that a search changes; each of its values is tried on the recipe.

    Raises:
        UsageError: a range has no end where the schema has none either, holds text, or the recipe
            refuses a value.
    """
    assert study.search is not None
    base = load_recipe(
        study.address(BASE), project=workspace.project, registry=workspace.registry, set_=set_
    )
    keys = [_key(name, each, base, workspace) for name, each in study.search.space.items()]
    for each in keys:
        for value in each.ends():
            text = each.assignment(value)
            try:
                load_recipe(
                    study.address(BASE),
                    project=workspace.project,
                    registry=workspace.registry,
                    set_=(*set_, text),
                )
            except RecipeError as error:
                told = "; ".join(f"{each.key}: {each.message}" for each in error.problems)
                raise UsageError(
                    f"search.space.{each.key}: the recipe refuses {text}: {told}",
                    error.problems[0].hint,
                ) from None
    return keys


def _key(key: str, values: SearchRange, base: LoadedRecipe, workspace: Workspace) -> SearchKey:
    if values.choices is not None:
        return SearchKey(key, tuple(_toml(each) for each in values.choices))
    path, _, _ = parse_assignment(f"{key}=0")
    allowed = number_range(path, base, workspace.registry)
    if allowed is None:
        raise UsageError(
            f"search.space.{key} is no number of this recipe",
            "Name its values: choices = […]; all keys: trash recipe schema",
        )
    low = allowed.low if values.low is None else values.low
    high = allowed.high if values.high is None else values.high
    if low is None or high is None:
        end = "low" if low is None else "high"
        raise UsageError(
            f"search.space.{key} needs {end}: the schema has no limit there",
            f'For example: "{key}" = {{ low = …, high = … }}',
        )
    if values.log and low <= 0:
        raise UsageError(f"search.space.{key}: the schema allows {low:g}, which has no logarithm")
    if allowed.whole and not (float(low).is_integer() and float(high).is_integer()):
        raise UsageError(f"search.space.{key} takes whole numbers, not {low:g} to {high:g}")
    if low >= high:
        raise UsageError(f"search.space.{key}: low ({low:g}) must be below high ({high:g})")
    if allowed.whole:
        return SearchKey(key, low=int(low), high=int(high), log=values.log, whole=True)
    return SearchKey(key, low=float(low), high=float(high), log=values.log)


def _toml(value: Any) -> str:
    """Return a value as TOML on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return as_toml({"x": value}).strip().removeprefix("x = ")
