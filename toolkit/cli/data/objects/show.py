"""`trash data objects show`: a picture of the objects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder
from toolkit.cli.session import open_workspace
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root


def show(
    source: Annotated[
        Path, typer.Argument(metavar="RECIPE|FOLDER", help="A recipe, or the folder of a bank.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The PNG or JPEG to write.")],
    count: Annotated[
        int, typer.Option(min=1, max=480, help="Objects of each class, and mixed images.")
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of what is shown.")] = 0,
    data: DataFolder = None,
) -> None:
    """Write a picture of the objects; for a recipe, also of training images with pasted objects.

    Images are mixed by the recipe's `object_mix`, always, or by the default one if it has none.
    """
    from toolkit.data.contest import open_contest
    from toolkit.objects.object_bank import ObjectStore, open_object_bank
    from toolkit.recipe.load import load_recipe
    from toolkit.report.contact_sheet import bank_sheet, mix_pipeline, mixed_samples, mixed_sheet
    from toolkit.report.sheet import require_picture, write_sheet
    from toolkit.seeds import Stream, generator

    require_picture("-o", output, "objects.png")
    rng = generator(Stream.SHOWN_OBJECTS, seed)
    if source.is_dir():
        bank = ObjectStore(source)
        parts = [bank_sheet(bank, bank.class_names, count, rng)]
    else:
        project = find_project()
        set_ = with_data_root((), data, project)
        recipe = load_recipe(source, project=project, set_=set_).recipe
        workspace = open_workspace(project)
        contest = open_contest(workspace, recipe.data)
        bank = open_object_bank(
            recipe.objects,
            contest,
            cache=project.cache,
            project=project,
            progress=workspace.progress,
        )
        parts = [bank_sheet(bank, bank.class_names, count, rng)]
        pipeline = mix_pipeline(recipe, contest.class_names, bank, workspace.registry)
        pairs = mixed_samples(contest.train, pipeline, count, rng)
        parts.append(mixed_sheet(pairs, contest.class_names))
    write_sheet(output, parts)
    console.print_result(str(output))
