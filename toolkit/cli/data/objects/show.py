"""`trash data objects show`: a picture of the objects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.data.objects.bank import bank_of, contest_of
from toolkit.cli.options import DataFolder, with_data
from toolkit.cli.session import open_registry
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    import numpy as np

    from toolkit.data.contest import Contest
    from toolkit.objects.object_bank import ObjectStore
    from toolkit.recipe.schema import Recipe
    from toolkit.report.sheet import Picture

_MIX = "object_mix"


def show(
    source: Annotated[
        Path, typer.Argument(metavar="RECIPE|FOLDER", help="A recipe, or the folder of a bank.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The picture to write, a PNG.")],
    count: Annotated[
        int, typer.Option(min=1, max=480, help="Objects of each class, and mixed images.")
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Seed of what is shown.")] = 0,
    data: DataFolder = None,
) -> None:
    """Write a picture of the objects; of a recipe, also of training images that hold them.

    Images are mixed by the recipe's `object_mix`, always, or by the default one if it has none.
    """
    from toolkit.objects.object_bank import ObjectStore
    from toolkit.recipe.load import load_recipe
    from toolkit.report.contact_sheet import bank_sheet
    from toolkit.report.sheet import require_png, write_sheet
    from toolkit.seeds import Stream, generator

    require_png("-o", output, "objects.png")
    rng = generator(Stream.SHOWN_OBJECTS, seed)
    if source.is_dir():
        bank = ObjectStore(source)
        parts = [bank_sheet(bank, bank.class_names, count, rng)]
    else:
        project = find_project()
        set_ = with_data((), data, project)
        recipe = load_recipe(source, project=project, set_=set_).recipe
        contest = contest_of(recipe, project)
        bank = bank_of(recipe, contest, project)
        parts = [bank_sheet(bank, bank.class_names, count, rng)]
        parts.append(_mixed(recipe, contest, bank, project, count, rng))
    write_sheet(output, parts)
    console.print_result(str(output))


def _mixed(
    recipe: Recipe,
    contest: Contest,
    bank: ObjectStore,
    project: Project,
    count: int,
    rng: np.random.Generator,
) -> Picture:
    from toolkit.data.augment import AugmentStep, Pipeline
    from toolkit.plugin.component import ComponentSpec
    from toolkit.plugin.interfaces import Context
    from toolkit.report.contact_sheet import mixed_samples, mixed_sheet

    registry = open_registry(project)
    context = Context(
        class_names=contest.class_names,
        image_size=recipe.data.image_size,
        ignore_index=recipe.data.ignore_index,
        objects=lambda: bank,
    )
    mix = registry.find("augmentation", _MIX)
    specs = [
        spec for spec in recipe.augment.steps if registry.find("augmentation", spec.name) is mix
    ] or [ComponentSpec(name=_MIX)]
    always = [
        AugmentStep(spec.name, registry.build("augmentation", spec, context), 1) for spec in specs
    ]
    pipeline = Pipeline(tuple(always), context.image_size)
    pairs = mixed_samples(contest.train, pipeline, count, rng)
    return mixed_sheet(pairs, contest.class_names)
