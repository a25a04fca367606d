"""Study files: one base recipe, variants that change it, or a search over some of its keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError

from toolkit.errors import UsageError
from toolkit.plugin.parameters import problems_of
from toolkit.recipe.layers import Layers, line_of, read_layers, read_toml
from toolkit.recipe.problems import KeyPath, Origin, RecipeError, RecipeProblem, dotted, shown_path
from toolkit.recipe.section import Section
from toolkit.suggestions import did_you_mean

SIGN = "#"
"""Stands between the file of a study and one of its variants: `losses.toml#focal`."""

BASE = "base"
"""The variant of a search that changes nothing."""

_NAME = re.compile(r"[\w-]+")

_LONGEST_NAME = 100
"""Bytes in UTF-8: names of folders, which also have that of the study, end at 255."""

_NO_SEED = (
    "every variant is run with the seeds of the study",
    "Name them: seeds = […] in [study].",
)


class StudyTable(Section):
    """What the study is about."""

    title: str = ""
    base: str
    """The recipe that every variant changes, relative to this file."""
    variants_from: str | None = None
    """Another study, relative to this file, whose variants this one has, too."""
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] = (1, 2, 3)
    """Seeds that every variant is run with."""
    metric: str | None = None
    """Metric to compare by; default: that of the base."""


class SearchRange(Section):
    """Values of one key that a search tries: a range of numbers, or choices."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    """Whether the logarithm is drawn evenly, for rates and weights."""
    choices: tuple[Any, ...] | None = None


class SearchTable(Section):
    """A search over keys of the recipe."""

    trials: PositiveInt = 30
    """Number of trials, the finished ones counted."""
    seed: NonNegativeInt = 0
    """Seed of the sampler."""
    sampler: Literal["tpe", "random"] = "tpe"
    """What chooses the next trial: tree-structured Parzen estimator, or chance."""
    prune: bool = True
    """Stop a trial whose score after an epoch is below the median of the earlier ones."""
    best: PositiveInt = 2
    """Number of best trials that are run again with all seeds before they are believed."""
    space: Annotated[dict[str, SearchRange], Field(min_length=1)]
    """Dotted key of the recipe -> values to try."""


class StudyFile(Section):
    """All that a study file may say."""

    study: StudyTable
    shared: dict[str, Any] = Field(default_factory=dict)
    """Values of the recipe that all variants have in place of the base's."""
    variants: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Name -> values of the recipe; the first variant is what all others are compared with."""
    search: SearchTable | None = None


@dataclass(frozen=True)
class StudyVariant:
    """One way of a study to change its base.

    Attributes:
        values: of the recipe, in place of the base's.
        file: that it is written in.
        lines: line of every key of that file.
    """

    values: Mapping[str, Any]
    file: Path
    lines: Mapping[KeyPath, int]


@dataclass(frozen=True)
class Study:
    """A study as its file describes it.

    Attributes:
        path: the file.
        title: of the study.
        base: file of the recipe that all variants change.
        seeds: that every variant is run with.
        metric: to compare by; None = that of the base.
        shared: what all variants change.
        variants: by name, in the order of the file.
        search: what it searches; None = it compares variants.
    """

    path: Path
    title: str
    base: Path
    seeds: tuple[int, ...]
    metric: str | None
    shared: StudyVariant
    variants: Mapping[str, StudyVariant]
    search: SearchTable | None

    def address(self, variant: str) -> Path:
        """Return what stands for a recipe's path: the file with the name of the variant."""
        return self.path.with_name(f"{self.path.name}{SIGN}{variant}")


def is_study(path: Path) -> bool:
    """Return whether a TOML file is a study; False also where it cannot be read."""
    try:
        return "study" in read_toml(path)[0]
    except UsageError:
        return False


def split_address(path: Path) -> tuple[Path, str] | None:
    """Return the file of a study and the name of a variant; None for any other path."""
    name, sign, variant = path.name.rpartition(SIGN)
    return (path.with_name(name), variant) if sign and name and not path.exists() else None


def recipe_layers(path: Path) -> Layers:
    """Return the layers of a recipe's file, or of a variant of a study.

    Raises:
        UsageError: a file is missing or not TOML, or there is no such variant.
        RecipeError: the study or an `extends` is wrong.
    """
    address = split_address(path)
    if address is None:
        return read_layers(path)
    file, name = address
    study = read_study(file)
    if name not in study.variants:
        raise unknown_variant(study, name)
    variant = study.variants[name]
    layers = read_layers(study.base)
    layers.files = frozenset({file, variant.file})
    layers.merge(study.shared.values, lambda key: _origin(study.shared, ("shared", *key)))
    layers.merge(variant.values, lambda key: _origin(variant, ("variants", name, *key)))
    if "title" not in variant.values:
        title = f"{study.title or study.path.stem}: {name}"
        layers.merge(
            {"title": title}, lambda _: Origin(file, line_of(variant.lines, ("variants", name)))
        )
    return layers


def unknown_variant(study: Study, name: str) -> UsageError:
    """Return the error for a variant that a study does not have."""
    return UsageError(
        f"the study {shown_path(study.path)} has no variant {name}",
        did_you_mean(name, study.variants, limit=40),
    )


def _origin(variant: StudyVariant, key: KeyPath) -> Origin:
    return Origin(variant.file, line_of(variant.lines, key))


def read_study(path: Path) -> Study:
    """Read a study file; its variants are checked as recipes when they are loaded.

    Raises:
        UsageError: missing, not TOML, or not a study.
        RecipeError: everything that is wrong with it, each with its line.
    """
    content, lines = _content(path)
    problems = []

    def note(key: KeyPath, message: str, hint: str = "") -> None:
        problems.append(
            RecipeProblem(Origin(path, line_of(lines, key)), dotted(key), message, hint)
        )

    base = path.parent / content.study.base
    if not base.is_file() and split_address(base) is not None:
        note(
            ("study", "base"),
            f"{content.study.base} is a variant: the base must be a recipe's file",
        )
    elif not base.is_file():
        near = did_you_mean(content.study.base, _recipes_near(path))
        note(
            ("study", "base"),
            f"there is no file {content.study.base} (relative to this file)",
            near,
        )
    variants: dict[str, StudyVariant] = {}
    if (other := content.study.variants_from) is not None:
        source = path.parent / other
        if source.resolve() == path.resolve() or not source.is_file():
            note(("study", "variants_from"), f"there is no other study {other}")
        else:
            theirs, their_lines = _content(source)
            if theirs.study.variants_from is not None:
                note(("study", "variants_from"), f"{other} takes its variants from a third study")
            variants = {n: StudyVariant(v, source, their_lines) for n, v in theirs.variants.items()}
    variants |= {n: StudyVariant(values, path, lines) for n, values in content.variants.items()}
    tables: dict[KeyPath, StudyVariant] = {("variants", n): each for n, each in variants.items()}
    tables["shared",] = StudyVariant(content.shared, path, lines)
    for table, each in tables.items():
        if "seed" in each.values:
            origin = _origin(each, (*table, "seed"))
            problems.append(RecipeProblem(origin, dotted((*table, "seed")), *_NO_SEED))
    for name in content.variants:
        if not _NAME.fullmatch(name):
            note(("variants", name), "names of variants have letters, digits, _ and - alone")
        elif (size := len(name.encode())) > _LONGEST_NAME:
            note(
                ("variants", name),
                f"names of variants have at most {_LONGEST_NAME} bytes, this one {size}",
                "Say more in its title.",
            )
    if content.search is not None:
        if variants:
            note(
                ("search",), "a study has variants or a search, not both", "Make two studies of it."
            )
        for key, values in content.search.space.items():
            if key == "seed":
                note(("search", "space", key), *_NO_SEED)
            if message := _wrong_range(values):
                note(("search", "space", key), message)
        variants = {BASE: StudyVariant({}, path, lines)}
    elif not variants:
        note(("study",), "the study has no variant", "Add tables [variants.NAME], or [search].")
    if len(set(content.study.seeds)) < len(content.study.seeds):
        note(("study", "seeds"), "the same seed is named twice")
    if problems:
        raise RecipeError(path, problems)
    return Study(
        path,
        content.study.title,
        base,
        content.study.seeds,
        content.study.metric,
        StudyVariant(content.shared, path, lines),
        variants,
        content.search,
    )


def _content(path: Path) -> tuple[StudyFile, Mapping[KeyPath, int]]:
    values, lines = read_toml(path)
    if "study" not in values:
        raise UsageError(
            f"{shown_path(path)} is no study: it has no table [study]",
            "A recipe is run with trash recipe run, several with trash recipe compare.",
        )
    try:
        return StudyFile.model_validate_json(json.dumps(values, default=str)), lines
    except ValidationError as error:
        problems = []
        for each in problems_of(error, StudyFile):
            origin = Origin(path, line_of(lines, each.path))
            problems.append(RecipeProblem(origin, dotted(each.path), each.message, each.hint))
        raise RecipeError(path, problems) from None


def _wrong_range(values: SearchRange) -> str:
    """Return what is wrong with the values of a key; "" if nothing is.

    A range without an end has that of the schema, which is looked up when the search begins.
    """
    if values.choices is not None:
        if values.low is not None or values.high is not None or values.log:
            return "has choices or a range, not both"
        return "" if values.choices else "has no choices"
    if values.low is not None and values.high is not None and values.low >= values.high:
        return f"low ({values.low:g}) must be below high ({values.high:g})"
    if values.log and values.low is not None and values.low <= 0:
        return f"low ({values.low:g}) has no logarithm: it must be above 0"
    return ""


def _recipes_near(path: Path) -> list[str]:
    folders = (path.parent, path.parent.parent / "base", path.parent.parent)
    return [
        Path(*[".."] * depth, *file.relative_to(root).parts).as_posix()
        for depth, root in enumerate((path.parent, path.parent.parent))
        for folder in folders
        for file in folder.glob("*.toml")
        if file.is_relative_to(root) and file != path
    ]
