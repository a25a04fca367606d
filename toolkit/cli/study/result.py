"""What `trash study` and `trash recipe compare` print and write of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli import console
from toolkit.cli.recipe.options import parse_seeds
from toolkit.errors import TrashError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiment.study.run import Comparison, Execute
    from toolkit.experiment.study.scores import StudyRow
    from toolkit.experiment.study.search import SearchResult
    from toolkit.project import Project
    from toolkit.recipe.study import Study
    from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Form:
    """How a table is printed, and where its page goes; the CSV lies beside the page."""

    per_class: bool
    markdown: bool
    json: bool
    page: Path


def page_of(output: Path | None, project: Project, name: str) -> Path:
    """Return where the page of a comparison goes, before anything is run.

    Raises:
        UsageError: a folder is there, or it is where the CSV goes.
    """
    from toolkit.report.page import page_path

    page = page_path(output, project, f"study-{name}.html")
    if page.suffix == ".csv":
        raise UsageError(
            f"{page} is no page: the table of the runs goes there",
            f"Name the page: -o {page.with_suffix('.html')}",
        )
    return page


def comparison_of(
    workspace: Workspace,
    study: Study,
    *,
    only: Sequence[str] | None,
    seeds: str | None,
    set_: Sequence[str],
    metric: str | None,
    output: Path | None,
    execute: Execute | None,
) -> tuple[Comparison, Path, SearchResult | None]:
    """Return what a study compares, its page, and the search before it, which `execute` does.

    Raises:
        UsageError: the options are not for this study, or no page can be written there.
    """
    from toolkit.experiment.study.run import comparison_of_study
    from toolkit.experiment.study.search import comparison_of_search, run_search
    from toolkit.recipe.find import study_name

    project = workspace.project
    if study.search is None:
        comparison = comparison_of_study(
            project,
            study,
            only=only or (),
            seeds=None if seeds is None else parse_seeds(seeds),
            set_=set_,
            metric=metric,
        )
        return comparison, page_of(output, project, comparison.name), None
    if only or seeds is not None or metric is not None:
        raise UsageError(
            "--only, --seeds and --metric are for studies with variants",
            "A search has its seeds in [study], and its metric is that of the recipe.",
        )
    page = page_of(output, project, study_name(study.path, project))
    found = run_search(workspace, study, execute, set_=set_)
    return comparison_of_search(project, study, found, set_=set_), page, found


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
    """Print the table of a comparison, and write its summary, record, CSV and page.

    What cannot be written keeps neither the table nor the other files.
    """
    from toolkit.experiment.study import table as tables
    from toolkit.experiment.study.summary import study_summary, write_summary
    from toolkit.files import write_text_atomic
    from toolkit.recipe.problems import shown_path
    from toolkit.report.study_page import write_study_page

    project, page = workspace.project, form.page
    csv = page.with_suffix(".csv")
    summary = study_summary(comparison, rows, search)
    if form.json:
        console.print_json(summary | {"page": page, "csv": csv})
    else:
        _print_table(rows, form)
    failures: list[Exception] = []
    for write in (
        lambda: write_summary(project, summary, study=study),
        lambda: write_text_atomic(csv, tables.csv_of_runs(rows)),
        lambda: write_study_page(project, comparison, rows, page, search=search),
    ):
        try:
            write()
        except (OSError, TrashError) as error:
            failures.append(error)
    for failure in failures[1:]:
        console.warn(str(failure))
    if failures:
        raise failures[0]
    if not form.json:
        console.note(f"page: {shown_path(page)}, table: {shown_path(csv)}")


def _print_table(rows: Sequence[StudyRow], form: Form) -> None:
    from toolkit.experiment.study import table as tables
    from toolkit.experiment.study.scores import agreement_with_original, noise_in_words
    from toolkit.tables import markdown_text

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
