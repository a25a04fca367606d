"""Reading a recipe: `extends`, overrides, strict validation, all mistakes at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.plugin.parameters import problems_of
from toolkit.plugin.registry import Registry
from toolkit.project import Project
from toolkit.recipe.components import component_problems, default_components, parameter_keys
from toolkit.recipe.find import find_recipe
from toolkit.recipe.layers import Layers
from toolkit.recipe.problems import (
    DEFAULT,
    KeyPath,
    Origin,
    RecipeError,
    RecipeProblem,
    dotted,
    shown_path,
)
from toolkit.recipe.schema import Recipe
from toolkit.recipe.schema_keys import ANY_NAME, SCHEMA_KEYS
from toolkit.recipe.study import recipe_layers, split_address
from toolkit.suggestions import nearest


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe with the places that its values come from."""

    path: Path
    recipe: Recipe
    layers: Layers
    options: tuple[str, ...] = ()
    """The `--set` and `--unset` that it was loaded with, as words of a command."""
    record: str | None = None
    """The record of a run that it was loaded from, in place of its file."""
    again: tuple[str, ...] = ()
    """Words of a command that load it again, where these are not its path and options."""

    @property
    def name(self) -> str:
        """File name without its ending, with that of a variant: names runs and submissions."""
        address = split_address(self.path)
        return f"{address[0].stem}-{address[1]}" if address else self.path.stem

    @property
    def digest(self) -> str:
        """Digest of every resolved value."""
        return recipe_digest(self.recipe)

    @property
    def words(self) -> tuple[str, ...]:
        """What is written behind `trash recipe run` to load it again."""
        return self.again or (shown_path(self.path), *self.options)

    @property
    def source(self) -> str:
        """What people know it by: its record, or its file."""
        return self.record or shown_path(self.path)

    def origin(self, path: Sequence[str | int]) -> Origin:
        """Return where a value was written, or that it is a default."""
        return self.layers.origins.get(tuple(path), DEFAULT)


def recipe_digest(recipe: Recipe) -> str:
    """Return the digest of every resolved value of a recipe."""
    return digest_of(json.dumps(recipe.model_dump(mode="json"), sort_keys=True))


def load_recipe(
    path: Path,
    *,
    project: Project,
    registry: Registry | None = None,
    set_: Sequence[str] = (),
    unset: Sequence[str] = (),
    last: tuple[str, dict[str, Any]] | None = None,
) -> LoadedRecipe:
    """Read, merge and validate a recipe.

    Args:
        path: the TOML file, or its name, see `find_recipe`; or a variant, `STUDY.toml#NAME`.
        project: the project folder.
        registry: checks the components too, so that all mistakes come at once.
        set_: `--set` texts, applied in order after `unset`.
        unset: dotted keys to remove.
        last: (word for the origin, values) laid over everything else, as `--smoke` does.

    Raises:
        RecipeError: everything that is wrong with it, each with file and line.
        UsageError: no such file, not TOML, or a wrong override.
    """
    path = find_recipe(path, project)
    layers = recipe_layers(path)
    for key in unset:
        layers.unset(key)
    for text in set_:
        layers.set(text)
    if last is not None:
        word, values = last
        layers.merge(values, lambda _: Origin(word=word))
    options = [word for text in set_ for word in ("--set", text)]
    options += [word for key in unset for word in ("--unset", key)]
    return LoadedRecipe(path, validated_recipe(layers, path, registry), layers, tuple(options))


def validated_recipe(layers: Layers, path: Path, registry: Registry | None = None) -> Recipe:
    """Return the typed recipe of merged values; with a registry its components are checked too.

    Raises:
        RecipeError: everything that is wrong, each with file and line.
    """
    try:
        text = json.dumps(layers.values, default=str)
    except ValueError as error:  # a hexadecimal number of thousands of digits
        raise UsageError(f"{shown_path(path)}: {error}") from None
    problems = [] if registry is None else component_problems(layers, registry)
    try:
        recipe = Recipe.model_validate_json(text)
    except ValidationError as error:
        problems += [
            _located_problem(problem.path, problem.message, problem.hint, layers, path, registry)
            for problem in problems_of(error, Recipe)
        ]
    if problems:
        raise RecipeError(path, _distinct(problems))
    return recipe if registry is None else _with_plain_metric(recipe, registry)


def _with_plain_metric(recipe: Recipe, registry: Registry) -> Recipe:
    """Return the recipe with its metric as it is always called: equal ones are one training."""
    if recipe.metric is None:
        return recipe
    metric = registry.canonical("metric", recipe.metric)
    is_default = metric == ComponentSpec(name=DEFAULT_METRIC)
    return recipe.model_copy(update={"metric": None if is_default else metric})


def check_names(loaded: LoadedRecipe, registry: Registry) -> None:
    """Raise a RecipeError with every unknown name and wrong parameter; imports no torch."""
    validated_recipe(loaded.layers, loaded.path, registry)


def _located_problem(
    path: KeyPath, message: str, hint: str, layers: Layers, file: Path, registry: Registry | None
) -> RecipeProblem:
    # pydantic ends the path of a union with the name of the alternative: keep what the file has.
    known = list(path)
    while known and tuple(known) not in layers.origins and message != "is required":
        known.pop()
    path = tuple(known) if known else path
    if message == "unknown key":
        hint = _suggest_key(path, hint, layers, registry)
    if message == "is required" and (default := default_components().get(path[:-1])):
        hint = f'Without this table it is {dotted(path)} = "{default[1].name}"'
    origin = layers.origin(path) or Origin(file)
    return RecipeProblem(origin, dotted(path), message, hint)


def _suggest_key(path: KeyPath, hint: str, layers: Layers, registry: Registry | None) -> str:
    """Return the nearest valid key: beside it, else the same word in another table or component."""
    table, wrong = path[:-1], str(path[-1])
    keys = [key.path for key in SCHEMA_KEYS]
    words = tuple(part for part in table if isinstance(part, str))
    siblings = {key[-1] for key in keys if _same_table(key[:-1], words)}
    near = nearest(wrong, siblings)
    if near is not None:
        return f"Did you mean {dotted((*table, near))}?"
    elsewhere = {dotted(key): key[-1] for key in keys}
    same = [full for full, last in elsewhere.items() if last == wrong]
    if not same and registry is not None:
        same = [dotted(key) for key in parameter_keys(layers, registry) if key[-1] == wrong]
    return f"Did you mean {same[0]}?" if same else hint


def _same_table(key: tuple[str, ...], table: tuple[str, ...]) -> bool:
    return len(key) == len(table) and all(
        known in (ANY_NAME, word) for known, word in zip(key, table, strict=True)
    )


def _distinct(problems: Sequence[RecipeProblem]) -> list[RecipeProblem]:
    """Return one problem per key, in the order of the file."""
    by_key: dict[str, RecipeProblem] = {}
    for problem in problems:
        by_key.setdefault(problem.key, problem)
    return sorted(by_key.values(), key=_place)


def _place(problem: RecipeProblem) -> tuple[str, int]:
    return str(problem.origin.file or ""), problem.origin.line or 0
