"""`trash recipe check`: the mistakes of recipes, without training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import RECIPE_HELP, DataFolder
from toolkit.cli.recipe.options import Set, Unset
from toolkit.cli.session import open_workspace
from toolkit.errors import EXIT_USAGE, TrashError
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root
from toolkit.wording import counted


def check(
    recipes: Annotated[list[Path], typer.Argument(metavar="RECIPE…", help=RECIPE_HELP)],
    data: DataFolder = None,
    set_: Set = None,
    unset: Unset = None,
    names_only: Annotated[
        bool, typer.Option("--names-only", help="Check names and parameters only (quick).")
    ] = False,
) -> None:
    """Find every mistake without training: names, parameters, files, class lists."""
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path

    project = find_project()
    workspace = open_workspace(project)
    set_ = with_data_root(set_, data, project)
    wrong = 0
    for path in recipes:
        try:
            loaded = load_recipe(
                path, project=project, registry=workspace.registry, set_=set_, unset=unset or ()
            )
            warnings: list[str] = []
            if not names_only:
                from toolkit.experiment.planning.check import check_recipe

                warnings = check_recipe(workspace, loaded)
        except TrashError as error:
            wrong += 1
            console.print_error(error)
            continue
        for warning in warnings:
            console.warn(f"{shown_path(loaded.path)}: {warning}")
        count = f", {counted(len(warnings), 'warning', 'warnings')}" if warnings else ""
        console.print_result(f"{shown_path(loaded.path)}: ok{count}")
    if wrong:
        raise typer.Exit(EXIT_USAGE)
