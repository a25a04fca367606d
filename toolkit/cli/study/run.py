"""`trash study run`: every variant with every seed, or a search, in one table and one page."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli.options import DataFolder, Json
from toolkit.cli.recipe.options import Set, parse_seeds
from toolkit.cli.session import open_workspace
from toolkit.cli.study.options import ByMetric, Markdown, Only, Output, PerClass, Seeds, StudyPath
from toolkit.cli.study.result import Form, executor, page_of, print_plan, write_result
from toolkit.errors import UsageError
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
    from toolkit.experiment.study.run import comparison_of_study, run_comparison
    from toolkit.experiment.study.search import comparison_of_search, run_search
    from toolkit.recipe.find import find_recipe, study_name
    from toolkit.recipe.study import read_study

    workspace = open_workspace(find_project())
    described = read_study(find_recipe(study, workspace.project))
    set_ = with_data_root(set_, data, workspace.project)
    if described.search is None:
        comparison = comparison_of_study(
            workspace.project,
            described,
            only=only or (),
            seeds=None if seeds is None else parse_seeds(seeds),
            set_=set_,
            metric=metric,
        )
        if plan:
            print_plan(workspace, comparison, json_=json_)
            return
        form = Form(per_class, markdown, json_, page_of(output, workspace.project, comparison.name))
        rows = run_comparison(workspace, comparison, executor(workspace))
        write_result(workspace, comparison, rows, form, study=described.path)
        return
    if only or seeds is not None or metric is not None:
        raise UsageError(
            "--only, --seeds and --metric are for studies with variants",
            "A search has its seeds in [study], and its metric is that of the recipe.",
        )
    page = page_of(output, workspace.project, study_name(described.path, workspace.project))
    form = Form(per_class, markdown, json_, page)
    execute = None if plan else executor(workspace)
    found = run_search(workspace, described, execute, set_=set_)
    comparison = comparison_of_search(workspace.project, described, found, set_=set_)
    if plan:
        print_plan(workspace, comparison, json_=json_)
        return
    rows = run_comparison(workspace, comparison, execute)
    write_result(workspace, comparison, rows, form, study=described.path, search=found)
