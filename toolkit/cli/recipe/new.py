"""`trash recipe new`: a recipe for one's own data, or a child of another recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.session import open_workspace
from toolkit.errors import TrashError
from toolkit.project import find_project
from toolkit.recipe.data_folder import data_root_text


def new(
    name: Annotated[str, typer.Argument(help="Name of the file below recipes/.")],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="Folder with COCO JSON files and images: fills in paths, classes, sizes, and a "
            "network that fits this machine.",
        ),
    ] = None,
    extends: Annotated[
        Path | None,
        typer.Option(
            "--extends",
            metavar="RECIPE",
            help="Recipe to extend: a file, or its name below recipes/.",
        ),
    ] = None,
    author: Annotated[str, typer.Option("--author", help="Your name, for the header.")] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Replace the recipe if it is there.")
    ] = False,
) -> None:
    """Write a working recipe, to start your own from."""
    from toolkit.recipe.new import new_recipe
    from toolkit.recipe.problems import shown_path

    project = find_project()
    if data is None:
        path = new_recipe(name, project, extends, author, force=force)
    else:
        from toolkit.experiment.planning.check import check_recipe
        from toolkit.experiment.planning.own_recipe import write_own_recipe
        from toolkit.recipe.load import load_recipe

        workspace = open_workspace(project)
        path = write_own_recipe(
            workspace,
            name,
            data_root_text(data, project),
            base=extends,
            author=" ".join(author.split()),
            force=force,
        )
        # What is wrong with the data is told now, with the line to change.
        try:
            check_recipe(workspace, load_recipe(path, project=project, registry=workspace.registry))
        except TrashError as error:
            # Kept, because some of it is mended in the recipe.
            kept = (
                f"{shown_path(path)} was written. Mend the data or the recipe, then: trash recipe "
                f"check {shown_path(path)}; or replace it: this command with --force"
            )
            error.hint = f"{error.hint}\n{kept}".strip()
            raise
    shown = shown_path(path)
    console.print_result(shown)
    if data is not None:
        console.note(f"look at the data: trash data check {shown}")
    console.note(f"try it: trash recipe run {shown} --smoke")
    if data is not None:
        console.note(f"train and submit: trash recipe run {shown}")
