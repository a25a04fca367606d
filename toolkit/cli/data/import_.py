"""`trash data import`: the `[data]` table for a folder of one's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.session import open_workspace
from toolkit.project import find_project
from toolkit.recipe.data_folder import data_root_text


def import_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the data.")],
) -> None:
    """Look at a folder, say what is guessed of its layout, and print the `data` table of a recipe.

    COCO JSON files; photos and masks that are called alike, with or without lists and class names;
    CSV files with run lengths. Nothing is changed or written.
    """
    from toolkit.experiment.planning.data_import import import_data

    project = find_project()
    found = import_data(open_workspace(project), data_root_text(folder, project))
    for line in found.lines:
        console.print_result(line)
    if found.problem is not None:
        raise found.problem
    console.note(f"a whole recipe for it and this machine: trash recipe new NAME --data {folder}")
