"""`trash recipe new`: a recipe for one's own data, or a child of another recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.project import find_project


def new(
    name: Annotated[str, typer.Argument(help="Name of the file below recipes/.")],
    extends: Annotated[Path | None, typer.Option("--extends", help="Recipe to start from.")] = None,
    author: Annotated[str, typer.Option("--author", help="Who: goes into the header.")] = "",
) -> None:
    """Write a new recipe that works, to be changed."""
    from toolkit.recipe.new import new_recipe
    from toolkit.recipe.problems import shown_path

    project = find_project()
    path = new_recipe(name, project, extends, author)
    console.print_result(shown_path(path))
    console.note(f"try it: trash recipe run {shown_path(path)} --smoke")
