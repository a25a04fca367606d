"""`trash run list`: every run of the team."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.list_output import (
    ListFile,
    ListFormat,
    ListJson,
    ListOutput,
    ListTable,
    list_output,
)
from toolkit.project import Project, find_project

if TYPE_CHECKING:  # lists and help import no more than they need
    from toolkit.records.catalogue import Catalogue

Sort = Literal["validation", "test", "started", "author", "recipe"]
_CHANGES_SHOWN = 4


def list_(
    author: Annotated[
        str | None, typer.Option("--author", metavar="NAME", help="Only runs by this person.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", metavar="RECIPE", help="Only runs of this recipe, or folder."),
    ] = None,
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of the rows, the best or newest last.")
    ] = "validation",
    series: Annotated[
        bool, typer.Option("--series", help="List series (--folds, --seeds) in place of runs.")
    ] = False,
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the runs of the whole team, the best last, from the records in records/.

    Scores are those by the contest's metric. changes: what a recipe changes in the one that it
    extends, and --set. running?: it began days ago, and nothing has been heard since.
    """
    from toolkit.experiment.recorded_runs import runs_as_they_are
    from toolkit.plugin.metric import DEFAULT_METRIC
    from toolkit.records.catalogue import read_records
    from toolkit.records.moment import moment_text
    from toolkit.records.record import SeriesRecord
    from toolkit.records.run_listing import RunRow, chosen_rows, row_of_run, sorted_run_rows
    from toolkit.wording import counted

    out = list_output(format_, output, json_)
    project = find_project()
    catalogue = read_records(project)
    for error in catalogue.broken:
        console.warn(error.message)
    if series:
        _list_series(project, catalogue, author, recipe, out)
        return
    rows = [row_of_run(each) for each in runs_as_they_are(catalogue, project)]
    if rows:
        rows = sorted_run_rows(chosen_rows(rows, author, recipe, "run"), sort)
    names = [each.name for each in fields(RunRow)]
    if out.write_records(names, [asdict(row) for row in rows]):
        return
    if not rows:
        console.note(f"no run is recorded in {project.records}")
    n_series = len(catalogue.of(SeriesRecord))
    scores = [
        name
        for name in ("validation", "test")
        if any(getattr(row, name) is not None for row in rows)
    ]
    # Scores by several metrics cannot be told apart without it, and mIoU is what people expect.
    several = ["metric"] if {row.metric for row in rows} - {None, DEFAULT_METRIC} else []
    table = []
    for row in rows:
        more = ["…"] if len(row.changes) > _CHANGES_SHOWN else []
        table.append(
            (
                PurePosixPath(row.record).name,
                row.author,
                row.recipe,
                ", ".join([*row.changes[:_CHANGES_SHOWN], *more]) or None,
                *(row.metric for _ in several),
                *(getattr(row, name) for name in scores),
                moment_text(row.started).partition(" ")[0],
                row.status,
            )
        )
    columns = ("record", "author", "recipe", "changes", *several, *scores, "started", "status")
    out.print_tables(ListTable(columns, table, numeric=scores))
    if n_series:
        console.note(
            f"and {counted(n_series, 'series', 'series')} of runs: trash run list --series"
        )


def _list_series(
    project: Project,
    catalogue: Catalogue,
    author: str | None,
    recipe: str | None,
    out: ListOutput,
) -> None:
    from toolkit.records.moment import moment_text
    from toolkit.records.record import SeriesRecord
    from toolkit.records.run_listing import chosen_rows
    from toolkit.records.series_listing import SeriesRow, mean_text, row_of_series, sorted_series

    rows = sorted_series([row_of_series(each) for each in catalogue.of(SeriesRecord)])
    if rows:
        rows = chosen_rows(rows, author, recipe, "series")
    names = [each.name for each in fields(SeriesRow)]
    if out.write_records(names, [asdict(row) for row in rows]):
        return
    if not rows:
        console.note(f"no series is recorded in {project.records}")
    scores = ("validation", "out of fold", "test")
    lines = [
        (
            PurePosixPath(row.record).name,
            row.author,
            row.recipe,
            row.runs,
            row.metric,
            mean_text(row),
            row.out_of_fold,
            row.test,
            moment_text(row.created).partition(" ")[0],
        )
        for row in rows
    ]
    columns = ("record", "author", "recipe", "runs", "metric", *scores, "made")
    out.print_tables(ListTable(columns, lines, numeric=("runs", *scores)))
