"""`trash data objects cut`: objects of rare classes out of the training images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import RECIPE_HELP, DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root
from toolkit.wording import counted


def cut(
    recipe: Annotated[
        Path,
        typer.Argument(
            metavar="RECIPE", help=f"{RECIPE_HELP} It gives the training split and the classes."
        ),
    ],
    data: DataFolder = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder to write; other recipes name it in objects.bank."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Cut objects of rare classes out of the training split, and count them by class.

    A training with object mix does this by itself. Without -o the bank is written where that
    training looks for it.
    """
    from toolkit.data.contest import open_contest
    from toolkit.objects.bank_summary import summarize_bank
    from toolkit.objects.object_bank import make_object_bank, open_object_bank
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path

    if output is not None and output.exists():
        raise UsageError(f"-o {output} exists", "Choose another name, or delete it.")
    project = find_project()
    loaded = load_recipe(recipe, project=project, set_=with_data_root((), data, project)).recipe
    workspace = open_workspace(project, loaded.data.components)
    progress = workspace.progress
    contest = open_contest(workspace, loaded.data)
    if output is None:
        bank = open_object_bank(
            loaded.objects, contest, cache=project.cache, project=project, progress=progress
        )
    else:
        bank = make_object_bank(output, loaded.objects, contest.train, progress)
    summary = summarize_bank(bank)
    if json_:
        console.print_json(summary.as_json())
        return
    rows = [
        (name, each.objects, each.images, each.smallest, each.median, each.largest)
        for name, each in summary.classes.items()
    ]
    columns = ("class", "objects", "images", "smallest", "median", "largest")
    console.print_table(columns, rows, numeric=columns[1:])
    console.print_result(
        f"{counted(summary.objects, 'object', 'objects')} of "
        f"{counted(summary.images, 'image', 'images')}, "
        f"{summary.bytes / 1e6:.1f} MB; areas in pixels of the photos"
    )
    console.print_result(shown_path(bank.folder))
