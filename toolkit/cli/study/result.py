"""What `trash study` and `trash recipe compare` print and write of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiment.study.run import Comparison, Execute
    from toolkit.experiment.study.scores import StudyRow
    from toolkit.experiment.study.search import SearchResult
    from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Form:
    """How a table is printed, and where its page goes."""

    per_class: bool
    markdown: bool
    json: bool
    output: Path | None


def executor(workspace: Workspace) -> Execute:
    """Return what runs the recipes of a study on one device."""
    from toolkit.experiment.execution.execute import execute
    from toolkit.experiment.run_folder import RunFolder
    from toolkit.experiment.study.run import forget_maps
    from toolkit.recipe.load import LoadedRecipe
    from toolkit.report.writers import PAGES
    from toolkit.train.fit import OnEpoch

    def run_one(loaded: LoadedRecipe, resume: bool, watch: OnEpoch | None) -> RunFolder | None:
        result = execute(workspace, loaded, resume=resume, pages=PAGES, watch=watch)
        if result is None:
            return None
        forget_maps(result.run, workspace.project)
        return result.run

    return run_one


def write_result(
    workspace: Workspace,
    comparison: Comparison,
    rows: Sequence[StudyRow],
    form: Form,
    *,
    study: Path | None,
    search: SearchResult | None = None,
) -> None:
    """Write page, CSV, summary and record of a comparison, and print its table."""
    from toolkit.experiment.study import table as tables
    from toolkit.experiment.study.scores import agreement_with_original, noise_in_words
    from toolkit.experiment.study.summary import study_summary, write_summary
    from toolkit.files import write_text_atomic
    from toolkit.recipe.problems import shown_path
    from toolkit.report.page import page_path
    from toolkit.report.study_page import write_study_page
    from toolkit.tables import markdown_text

    project = workspace.project
    page = page_path(form.output, project, f"study-{comparison.name}.html")
    summary = study_summary(comparison, rows, search)
    write_summary(project, summary, study=study)
    write_text_atomic(page.with_suffix(".csv"), tables.csv_of_runs(rows))
    write_study_page(project, comparison, rows, page, search=search)
    if form.json:
        console.print_json(summary | {"page": page, "csv": page.with_suffix(".csv")})
        return
    columns, lines = tables.table(rows, per_class=form.per_class and form.markdown)
    if form.markdown:
        console.print_result(markdown_text(columns, lines).rstrip("\n"))
    else:
        console.print_split_table(columns, lines, numeric=columns[1:])
    for told in noise_in_words(rows):
        console.note(told)
    if agreement := agreement_with_original(rows):
        console.note(
            f"the order of {agreement[0]} variants agrees with the original's with rank "
            f"correlation {agreement[1]:+.2f}"
        )
    if form.per_class and not form.markdown:
        console.print_result("")
        columns, lines = tables.class_table(rows)
        console.print_split_table(columns, lines, numeric=columns[1:])
    console.note(f"page: {shown_path(page)}, table: {shown_path(page.with_suffix('.csv'))}")


def print_plan(workspace: Workspace, comparison: Comparison, *, json_: bool) -> None:
    """Print which runs are there, and what is to be done."""
    from toolkit.experiment.study.planned_runs import in_a_sentence, planned_runs

    planned = planned_runs(workspace, comparison)
    if json_:
        console.print_json([each.as_json() for each in planned])
        return
    rows = [row for each in planned for row in each.rows()]
    console.print_table(("recipe", "seed", "stage", "state", "where"), rows, numeric=("seed",))
    console.note(in_a_sentence(planned))
