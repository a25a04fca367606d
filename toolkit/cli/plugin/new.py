"""`trash plugin new`: a plugin that works at once, to be changed."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.session import open_registry
from toolkit.project import find_project


def new(
    name: Annotated[str, typer.Argument(help="Name of the component and of its file.")],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="Kind of the component, such as loss.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Overwrite files of that name.")] = False,
) -> None:
    """Write a working plugin and its test, to start your own from."""
    from toolkit.plugin.first_use import remember_files
    from toolkit.plugin.scaffold import write_plugin
    from toolkit.recipe.listing import example_recipe
    from toolkit.recipe.problems import shown_path

    project = find_project()
    written = write_plugin(name, kind, project, open_registry(project), force=force)
    remember_files(project.plugins)
    for path in written.files:
        console.print_result(shown_path(path))
    console.note(f"check it: trash plugin check {name}")
    if written.override:
        words = ["recipe", "run", example_recipe(project), "--smoke", "--set", written.override]
        console.note(f"try it:   trash {shlex.join(words)}")
