"""`trash study run`: every variant with every seed, or a search, in one table and one page."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.options import DataFolder, Json
from toolkit.cli.recipe.options import Set
from toolkit.cli.session import open_workspace
from toolkit.cli.study.options import ByMetric, Markdown, Only, Output, PerClass, Seeds, StudyPath
from toolkit.cli.study.result import (
    Form,
    comparison_of,
    executor,
    print_plan,
    write_result,
)
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root


def run(
    study: StudyPath,
    only: Only = None,
    data: DataFolder = None,
    seeds: Seeds = None,
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
    """Run a study: mean ± spread of every variant, and what it gains over the first one.

    Finished runs of the same recipe, data and plugins are not run again, and cut ones go on: run
    the command again after an interruption. A study with a search tries values first.
    """
    from toolkit.experiment.study.run import run_comparison
    from toolkit.recipe.find import find_recipe
    from toolkit.recipe.study import read_study

    workspace = open_workspace(find_project())
    described = read_study(find_recipe(study, workspace.project))
    execute = None if plan else executor(workspace)
    comparison, page, search = comparison_of(
        workspace,
        described,
        only=only,
        seeds=seeds,
        set_=with_data_root(set_, data, workspace.project),
        metric=metric,
        output=output,
        execute=execute,
    )
    if plan:
        print_plan(workspace, comparison, json_=json_)
        return
    rows = run_comparison(workspace, comparison, execute)
    form = Form(per_class, markdown, json_, page)
    write_result(workspace, comparison, rows, form, study=described.path, search=search)
