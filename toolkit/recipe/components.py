"""The components that a recipe names, checked against what the plugins offer; imports no torch."""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import Registry
from toolkit.recipe.load import LoadedRecipe
from toolkit.recipe.problems import DEFAULT, KeyPath, Origin, Problem, dotted
from toolkit.recipe.schema import Recipe

SINGLE = {
    "model": "model",
    "loss": "loss",
    "optimizer": "optimizer",
    "scheduler": "scheduler",
    "ensemble": "ensembler",
    "submission": "submission_format",
}
"""Key of the recipe -> kind, for tables that name one component."""

LISTS = {
    ("augment", "train"): "augmentation",
    ("postprocess",): "postprocessor",
    ("trackers",): "tracker",
}
"""Key of the recipe -> kind, for arrays of components."""


def component_specs(recipe: Recipe) -> Iterator[tuple[KeyPath, str, ComponentSpec]]:
    """Yield (key, kind, spec) of every component that a recipe names."""
    for key, kind in SINGLE.items():
        yield (key,), kind, getattr(recipe, key)
    for path, kind in LISTS.items():
        value: object = recipe
        for part in path:
            value = getattr(value, part)
        assert isinstance(value, tuple)
        for index, spec in enumerate(value):
            yield (*path, index), kind, spec


NO_VIEWS = "none"
_VIEWS_EXAMPLES = 'Write "none", "hflip" or a product such as "hflip*rot90".'


def view_names(views: str) -> list[str]:
    """Return the names in a `views` text such as "hflip*rot90"; "none" names nothing.

    Raises:
        UsageError: a missing name, or "none" among others.
    """
    names = [name.strip() for name in views.split("*")]
    if names == [NO_VIEWS]:
        return []
    if NO_VIEWS in names or "" in names:
        raise UsageError(f"views {views!r}: not a product of views", _VIEWS_EXAMPLES)
    return names


def component_problems(loaded: LoadedRecipe, registry: Registry) -> list[Problem]:
    """Return every unknown component name and wrong parameter, with its place."""
    found = []
    for path, kind, spec in component_specs(loaded.recipe):
        for problem in registry.problems(kind, spec):
            key = (*path, *problem.path)
            origin = loaded.layers.origin(key) or DEFAULT
            found.append(Problem(origin, dotted(key), problem.message, problem.hint))
    try:
        for name in view_names(loaded.recipe.predict.views):
            registry.find("view", name)
    except TrashError as error:
        origin = loaded.origin(("predict", "views"))
        found.append(Problem(origin, "predict.views", error.message, error.hint))
    return sorted(found, key=lambda problem: _order(problem.origin))


def _order(origin: Origin) -> tuple[str, int]:
    return str(origin.file or ""), origin.line or 0
