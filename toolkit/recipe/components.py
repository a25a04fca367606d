"""The components that a recipe names, checked against what the plugins offer; imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import Registry
from toolkit.recipe.layers import Layers
from toolkit.recipe.problems import DEFAULT, KeyPath, RecipeProblem, dotted
from toolkit.recipe.schema import Recipe
from toolkit.recipe.views import check_view, read_views

SINGLE = {
    ("model",): "model",
    ("loss",): "loss",
    ("optimizer",): "optimizer",
    ("scheduler",): "scheduler",
    ("pseudo", "ensemble"): "ensembler",
    ("ensemble",): "ensembler",
    ("submission",): "submission_format",
}
"""Key of the recipe -> kind, for tables that name one component."""

LISTS = {
    ("augment", "first"): "augmentation",
    ("augment", "train"): "augmentation",
    ("augment", "mix"): "mix",
    ("pseudo", "postprocess"): "postprocessor",
    ("pseudo", "select"): "selector",
    ("pseudo", "augment"): "augmentation",
    ("member_postprocess",): "postprocessor",
    ("postprocess",): "postprocessor",
    ("trackers",): "tracker",
}
"""Key of the recipe -> kind, for arrays of components."""


def component_specs(recipe: Recipe) -> Iterator[tuple[KeyPath, str, ComponentSpec]]:
    """Yield (key, kind, spec) of every component that a recipe names."""
    for path, kind in SINGLE.items():
        spec = _in_recipe(recipe, path)
        if isinstance(spec, ComponentSpec):
            yield path, kind, spec
    for name, auxiliary in recipe.auxiliary.items():
        if auxiliary.loss is not None:
            yield ("auxiliary", name, "loss"), "loss", auxiliary.loss
    for path, kind in LISTS.items():
        specs = _in_recipe(recipe, path)
        for index, spec in enumerate(specs if isinstance(specs, tuple) else ()):
            yield (*path, index), kind, spec


def _in_recipe(recipe: Recipe, path: tuple[str, ...]) -> object:
    """Return the value at a key, None below a table that the recipe does not have."""
    value: object = recipe
    for part in path:
        value = getattr(value, part, None)
    return value


def component_problems(layers: Layers, registry: Registry) -> list[RecipeProblem]:
    """Return every unknown component name and wrong parameter, with its place.

    Works on the merged values, so that a recipe whose other keys are wrong is checked all the same;
    what is no component table at all is the schema's to report.
    """
    found = []
    for path, kind, spec in _written_specs(layers.values):
        for problem in registry.problems(kind, spec):
            key = (*path, *problem.path)
            origin = layers.origin(key) or DEFAULT
            found.append(RecipeProblem(origin, dotted(key), problem.message, problem.hint))
    views = _at(layers.values, ("predict", "views"))
    if isinstance(views, str):
        try:
            for name in read_views(views).names:
                check_view(name, registry)
        except TrashError as error:
            origin = layers.origin(("predict", "views")) or DEFAULT
            found.append(RecipeProblem(origin, "predict.views", error.message, error.hint))
    return found


def default_components() -> dict[KeyPath, tuple[str, ComponentSpec]]:
    """Return key -> (kind, spec) of the components that a recipe has without naming them."""
    defaults = {
        path: Recipe.model_fields[path[0]].get_default(call_default_factory=True)
        for path in SINGLE
        if len(path) == 1
    }
    return {
        path: (SINGLE[path], default)
        for path, default in defaults.items()
        if isinstance(default, ComponentSpec)
    }


def parameter_keys(layers: Layers, registry: Registry) -> Iterator[KeyPath]:
    """Yield the key of every parameter of the components that a recipe names, or has by default."""
    written = {path: (kind, spec) for path, kind, spec in _written_specs(layers.values)}
    for path, (kind, spec) in {**default_components(), **written}.items():
        try:
            model = registry.parameters(registry.find(kind, spec.name))
        except TrashError:
            continue  # reported with the component itself
        yield from ((*path, name) for name in model.model_fields)


def _written_specs(values: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, ComponentSpec]]:
    for path, kind in SINGLE.items():
        if (spec := _spec(_at(values, path))) is not None:
            yield path, kind, spec
    auxiliaries = values.get("auxiliary")
    for name in auxiliaries if isinstance(auxiliaries, Mapping) else ():
        if (spec := _spec(_at(values, ("auxiliary", name, "loss")))) is not None:
            yield ("auxiliary", name, "loss"), "loss", spec
    for path, kind in LISTS.items():
        items = _at(values, path)
        for index, item in enumerate(items if isinstance(items, list) else []):
            if (spec := _spec(item)) is not None:
                yield (*path, index), kind, spec


def _spec(value: object) -> ComponentSpec | None:
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return ComponentSpec.model_validate(dict(value))
    return None


def _at(values: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    current: Any = values
    for part in path:
        current = current.get(part) if isinstance(current, Mapping) else None
    return current
