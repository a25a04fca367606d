"""`trash data report`: the page on the data of a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import RECIPE_HELP, DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root


def report(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help=RECIPE_HELP)],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default: reports/RECIPE.data.html."),
    ] = None,
    data: DataFolder = None,
    json_: Json = False,
) -> None:
    """Write a page on the data: classes, objects, places, photos, drift, look-alikes, problems.

    It is one file that needs no network and no server. Labels are all counted; of more than 1000
    photos of a split a sample is measured.
    """
    from toolkit.data.sources import find_sources
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path
    from toolkit.report.data_report import write_data_report
    from toolkit.report.page import page_path

    project = find_project()
    loaded = load_recipe(recipe, project=project, set_=with_data_root((), data, project))
    page = page_path(output, project, f"{loaded.name}.data.html")
    workspace = open_workspace(project, loaded.recipe.data.components)
    (sources,) = find_sources([loaded.path], project, data)
    figures = write_data_report(workspace, loaded, sources, page)
    if json_:
        console.print_json({"page": page, **figures})
        return
    console.print_result(shown_path(page))
