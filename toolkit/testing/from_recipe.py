"""Parameters, classes and image size of a recipe, for checking the components that it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from toolkit.data.contest import own_classes
from toolkit.demo.write_demo import demo_classes
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.parameters import nested_specs, validate
from toolkit.plugin.registry import Entry, Registry
from toolkit.recipe.components import component_specs
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.data_tables import Demo
from toolkit.recipe.schema import Recipe
from toolkit.testing.contract import CONTEXT
from toolkit.testing.samples import object_bank
from toolkit.workspace import Workspace


def recipe_context(workspace: Workspace, recipe: Recipe) -> tuple[Context, str]:
    """Return what a run of the recipe would know, its data's figures made up, and a warning or "".

    Where the classes are in a file that is not on this machine, those of the demo stand in.
    """
    data = recipe.data
    classes = data.classes or own_classes(workspace, data)
    warning = ""
    if classes is None:
        classes = demo_classes(data.demo or Demo())
        if data.demo is None:
            file = data_file(workspace.project.path(data.root), data.train)
            warning = f"{file} cannot be read: {len(classes)} classes of the demo stand in"
    rest = len(classes) - 1
    context = replace(
        CONTEXT,
        class_names=(data.background, *classes),
        image_size=data.image_size,
        ignore_index=data.ignore_index,
        # As in CONTEXT the last class has no pixels, unless it is the only one.
        pixel_share=(0.7, *((0.3 / rest,) * rest + (0.0,) if rest else (0.3,))),
        image_counts=(40, *((8,) * rest + (0,) if rest else (8,))),
        objects=partial(object_bank, 1 + len(classes), data.n_channels),
        channels=data.n_channels,
    )
    return context, warning


def recipe_tables(recipe: Recipe, registry: Registry) -> list[tuple[Entry, dict[str, object]]]:
    """Return each component that a recipe names, nested ones too, once, with its table."""
    found: list[tuple[Entry, dict[str, object]]] = []
    for _, kind, spec in component_specs(recipe):
        for pair in _with_nested(kind, spec, registry):
            if pair not in found:
                found.append(pair)
    return found


def _with_nested(
    kind: str, spec: ComponentSpec, registry: Registry
) -> Iterator[tuple[Entry, dict[str, object]]]:
    entry = registry.find(kind, spec.name)
    yield entry, spec.parameters
    model = registry.parameters(entry)
    values, _ = validate(model, spec.parameters)
    for _, nested_kind, nested in nested_specs(model, values) if values is not None else ():
        yield from _with_nested(nested_kind, nested, registry)
