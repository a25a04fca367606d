"""`trash recipe compare`: a study without a file: recipes with several seeds, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.options import DataFolder, Json
from toolkit.cli.recipe.options import Set, parse_seeds
from toolkit.cli.session import open_workspace
from toolkit.cli.study.options import ByMetric, Markdown, Output, PerClass
from toolkit.cli.study.result import Form, executor, page_of, print_plan, write_result
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root


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
    metric: ByMetric = None,
    per_class: PerClass = False,
    markdown: Markdown = False,
    output: Output = None,
    json_: Json = False,
) -> None:
    """Run recipes with several seeds and print mean ± spread: a study without a file.

    Finished runs of the same recipe, data and plugins are not run again.
    """
    from toolkit.experiment.study.run import comparison_of_recipes, run_comparison

    workspace = open_workspace(find_project())
    set_ = with_data_root(set_, data, workspace.project)
    comparison = comparison_of_recipes(
        workspace.project, recipes, parse_seeds(seeds), set_=set_, metric=metric
    )
    if plan:
        print_plan(workspace, comparison, json_=json_)
        return
    page = page_of(output, workspace.project, comparison.name)
    rows = run_comparison(workspace, comparison, executor(workspace))
    form = Form(per_class, markdown, json_, page)
    write_result(workspace, comparison, rows, form, study=None)
