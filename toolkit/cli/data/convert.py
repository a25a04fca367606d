"""`trash data convert`: annotations in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder
from toolkit.cli.session import open_workspace
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root
from toolkit.wording import counted


def convert(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="Says how the data are read.")],
    to: Annotated[
        Literal["coco", "masks"],
        typer.Option("--to", help="COCO JSON files, or masks as PNG files with lists."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="A new folder.")],
    data: DataFolder = None,
) -> None:
    """Write annotations in another format, and print the `data` table of a recipe that reads them.

    Photos stay where they are. Everything is read again, and every label compared.
    """
    from toolkit.data.convert import convert_data
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.show import as_toml

    project = find_project()
    workspace = open_workspace(project)
    loaded = load_recipe(
        recipe,
        project=project,
        registry=workspace.registry,
        set_=with_data_root(None, data, project),
    )
    found = convert_data(workspace, loaded.recipe.data, to, output)
    values = found.data.model_dump(mode="json", exclude_defaults=True)
    console.print_result(as_toml({"data": values}).rstrip())
    console.note(f"{counted(found.images, 'image', 'images')} compared: every label is the same")
