"""`trash data view`: a page of images with labels, or of what augmentation makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import RECIPE_HELP, DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root

_LIMIT, _AUGMENTED_LIMIT = 120, 6


ViewedSplit = Literal["train", "val", "test"]


def view(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help=RECIPE_HELP)],
    split: Annotated[ViewedSplit, typer.Option("--split", help="Whose images.")] = "train",
    class_: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Only images that show it.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Only images with this in their name.")] = "",
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1000,
            help=f"Images at most; default {_LIMIT}, with --augmented {_AUGMENTED_LIMIT}. Of more, "
            "a sample is drawn.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
    augmented: Annotated[
        bool,
        typer.Option(
            "--augmented",
            help="Show what each step of the recipe's augmentation does to training images, and "
            "the first batches of the training.",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default: reports/RECIPE.SPLIT.html."),
    ] = None,
    data: DataFolder = None,
    json_: Json = False,
) -> None:
    """Write a page of images with their labels, to filter by class and name and to put in order.

    It is one file that needs no network and no server.
    """
    from toolkit.data.contest import open_contest
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path
    from toolkit.report.augmented_view import write_augmented_view
    from toolkit.report.data_view import ImageChoice, write_data_view
    from toolkit.report.page import page_path

    if augmented and split != "train":
        raise UsageError(f"{split} images are not augmented", "Leave out --split or --augmented.")
    project = find_project()
    what = "augmented" if augmented else split
    loaded = load_recipe(recipe, project=project, set_=with_data_root((), data, project))
    page = page_path(output, project, f"{loaded.name}.{what}.html")
    choice = ImageChoice(class_, name, limit or (_AUGMENTED_LIMIT if augmented else _LIMIT), seed)
    workspace = open_workspace(project, None if augmented else loaded.recipe.data.components)
    contest = open_contest(workspace, loaded.recipe.data)
    if augmented:
        shown = write_augmented_view(workspace, loaded, contest, choice, page)
    else:
        shown = write_data_view(contest, loaded, split, choice, page)
    if json_:
        console.print_json({"page": page, "images": shown})
        return
    console.print_result(shown_path(page))
