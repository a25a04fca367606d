"""`trash recipe list`: the project's recipes by folder."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.errors import UsageError
from toolkit.project import find_project


def list_(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Only recipes with these words in path, title, model or loss."),
    ] = None,
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the project's recipes by folder, with models, losses and reference scores."""
    from toolkit.recipe.listing import RecipeRow, list_recipes

    out = list_output(format_, output, json_)
    project = find_project()
    rows = list_recipes(project, words or ())
    if not rows and words:
        raise UsageError(
            f"no recipe has {' and '.join(words)} in its path, title, model or loss",
            "List all: trash recipe list",
        )
    if not rows:
        raise UsageError(
            f"there are no recipes in {project.recipes}",
            "Write one: trash recipe new NAME --data DIR",
        )
    names = [each.name for each in fields(RecipeRow)]
    if out.write_records(names, [row.as_json() for row in rows]):
        return
    groups: dict[str, list[console.Entry]] = {}
    for row in rows:
        groups.setdefault(row.folder, []).append((row.name, row.text))
    table = [(row.path, row.title, row.model, row.loss, row.scores) for row in rows]
    out.print_entries(groups, ListTable(("recipe", "title", "model", "loss", "reference"), table))
    for row in rows:
        if row.error:
            console.warn(row.error)
