"""`trash data objects cut`: objects of rare classes out of the training images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.data.objects.bank import bank_of, contest_of
from toolkit.cli.options import RECIPE_HELP, DataFolder, Json, with_data
from toolkit.errors import UsageError
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.objects.object_bank import ObjectStore


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
        typer.Option("-o", "--output", help="Folder to write, for objects.bank of other recipes."),
    ] = None,
    json_: Json = False,
) -> None:
    """Cut objects of rare classes out of the training split, and say what there is.

    A training with object mix does the same; without -o the bank goes where it looks for it.
    """
    from toolkit.objects.object_bank import make_object_bank
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path

    if output is not None and output.exists():
        raise UsageError(f"-o {output} exists", "Choose another name, or delete it.")
    project = find_project()
    loaded = load_recipe(recipe, project=project, set_=with_data((), data, project)).recipe
    contest = contest_of(loaded, project)
    if output is None:
        bank = bank_of(loaded, contest, project)
    else:
        progress = console.make_progress()
        bank = make_object_bank(output, loaded.objects, contest.train, progress)
    summary = _summary(bank)
    if json_:
        console.print_json(summary)
        return
    rows = [(name, *found.values()) for name, found in summary["classes"].items()]
    columns = ("class", "objects", "images", "smallest", "median", "largest")
    console.print_table(columns, rows, numeric=columns[1:])
    console.print_result(
        f"{summary['objects']} objects of {summary['images']} images, "
        f"{summary['bytes'] / 1e6:.1f} MB; areas in pixels of the photos"
    )
    console.print_result(shown_path(bank.folder))


def _summary(bank: ObjectStore) -> dict[str, Any]:
    from statistics import median

    index = bank.index
    classes = {}
    for label in bank.labels:
        objects = [index.objects[position] for position in bank.of(label)]
        areas = [each.area for each in objects]
        classes[bank.class_names[label]] = {
            "objects": len(objects),
            "images": len({each.source for each in objects}),
            "smallest": min(areas),
            "median": round(median(areas)),
            "largest": max(areas),
        }
    return {
        "folder": bank.folder,
        "bytes": sum(file.stat().st_size for file in bank.folder.iterdir()),
        "objects": len(bank),
        "images": len(index.sources),
        "classes": classes,
    }
