"""`trash recipe compare`: recipes with several seeds, in one table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder, Json
from toolkit.cli.recipe.options import Set, parse_seeds
from toolkit.cli.session import open_workspace
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiment.run_folder import RunFolder
    from toolkit.recipe.load import LoadedRecipe
    from toolkit.workspace import Workspace


def compare(
    recipes: Annotated[
        list[Path], typer.Argument(help="Recipes, or folders of them; the first is the baseline.")
    ],
    data: DataFolder = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N,…", help="Run each recipe with these seeds.")
    ] = "1,2,3",
    set_: Set = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help="Show which runs are there, and what is to do; train nothing."),
    ] = False,
    metric: Annotated[
        str | None,
        typer.Option(help="Compare by this metric; default: that of the first recipe."),
    ] = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Show the IoU of every class as well.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as Markdown.")
    ] = False,
    json_: Json = False,
) -> None:
    """Run recipes with several seeds and print mean ± spread.

    Finished runs of the same recipe, data and plugins are not run again.
    """
    from toolkit.experiment.execution import compare as comparing
    from toolkit.experiment.execution.execute import execute
    from toolkit.report.writers import PAGES

    workspace = open_workspace(find_project())
    files = comparing.expanded(recipes, workspace.project)
    set_ = with_data_root(set_, data, workspace.project)
    if plan:
        _print_plan(workspace, files, parse_seeds(seeds), set_, json_=json_)
        return

    def run_one(loaded: LoadedRecipe) -> RunFolder | None:
        result = execute(workspace, loaded, pages=PAGES)
        return result.run if result else None

    found = comparing.compare(
        workspace,
        files,
        parse_seeds(seeds),
        set_=set_,
        metric=metric,
        execute=run_one,
    )
    if json_:
        console.print_json([asdict(one) for one in found])
        return
    columns, rows = comparing.table(found, per_class=per_class and markdown)
    if markdown:
        console.print_result(comparing.markdown(columns, rows))
    else:
        console.print_table(columns, rows, numeric=columns[1:])
    for told in comparing.noise_in_words(found):
        console.note(told)
    if per_class and not markdown:
        console.print_result("")
        columns, rows = comparing.class_table(found)
        console.print_split_table(columns, rows, numeric=columns[1:])


def _print_plan(
    workspace: Workspace, files: list[Path], seeds: list[int], set_: Sequence[str], *, json_: bool
) -> None:
    from toolkit.experiment.execution.comparison_plan import in_a_sentence, planned_runs

    planned = planned_runs(workspace, files, seeds, set_)
    if json_:
        console.print_json([each.as_json() for each in planned])
        return
    rows = [row for each in planned for row in each.rows()]
    console.print_table(("recipe", "seed", "stage", "state", "where"), rows, numeric=("seed",))
    console.note(in_a_sentence(planned))
