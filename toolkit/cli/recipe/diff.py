"""`trash recipe diff`: what differs between two recipes, and what that changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.project import find_project

_HELP = "A recipe: its file or name; or a run, whose record has the recipe as it was."


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help=_HELP)],
    second: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    data: DataFolder = None,
    json_: Json = False,
) -> None:
    """Print every value that differs between two recipes, where each was written, and what such a
    value changes; then whether both train the same network, and which stages they share.

    Defaults count as if they were written. A list is compared step by step, by names.
    """
    from toolkit.experiment.execution.reproduce import load_recipe_or_run
    from toolkit.experiment.planning.shared_stages import shared_stages
    from toolkit.recipe.difference import furthest_effect, value_differences

    workspace = open_workspace(find_project())
    a, b = (load_recipe_or_run(workspace, each, data) for each in (first, second))
    found = value_differences(a, b, workspace.registry)
    changes = furthest_effect(found)
    shared = shared_stages(workspace, a, b)
    if json_:
        console.print_json(
            {
                "first": a.source,
                "second": b.source,
                "changes": changes,
                "differences": [asdict(each) for each in found],
                "same_training": shared.same_training,
                "shared_stages": [each.as_json() for each in shared.stages],
                "not_compared": shared.not_compared,
            }
        )
        return
    columns = ("key", "A", "B", "changes", "from (A)", "from (B)")
    rows = [
        (each.key, each.first, each.second, each.changes, each.first_origin, each.second_origin)
        for each in found
    ]
    if rows:
        console.print_table(columns, rows)
    told = f"they differ in what changes: {changes}" if rows else "every value is the same"
    console.note(f"A = {a.source}, B = {b.source}: {told}")
    console.note(str(shared))
