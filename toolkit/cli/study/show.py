"""`trash study show`: the table and page of what is finished, without running anything."""

from __future__ import annotations

from toolkit.cli.options import DataFolder, Json
from toolkit.cli.recipe.options import Set
from toolkit.cli.session import open_workspace
from toolkit.cli.study.options import ByMetric, Markdown, Only, Output, PerClass, Seeds, StudyPath
from toolkit.cli.study.result import Form, comparison_of, write_result
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root


def show(
    study: StudyPath,
    only: Only = None,
    data: DataFolder = None,
    seeds: Seeds = None,
    set_: Set = None,
    metric: ByMetric = None,
    per_class: PerClass = False,
    markdown: Markdown = False,
    output: Output = None,
    json_: Json = False,
) -> None:
    """Print the table of a study and write its page, of the runs that are finished; run nothing."""
    from toolkit.experiment.study.run import run_comparison
    from toolkit.recipe.find import find_recipe
    from toolkit.recipe.problems import shown_path
    from toolkit.recipe.study import read_study

    workspace = open_workspace(find_project())
    described = read_study(find_recipe(study, workspace.project))
    comparison, page, search = comparison_of(
        workspace,
        described,
        only=only,
        seeds=seeds,
        set_=with_data_root(set_, data, workspace.project),
        metric=metric,
        output=output,
        execute=None,
    )
    rows = run_comparison(workspace, comparison, None)
    if not rows or rows[0].name != comparison.items[0].name:
        raise UsageError(
            f"no run of {comparison.items[0].name} is finished: nothing can be compared with it",
            f"Run the study: trash study run {shown_path(described.path)}",
        )
    form = Form(per_class, markdown, json_, page)
    write_result(workspace, comparison, rows, form, study=described.path, search=search)
