"""`trash run list`: every run of the team."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import PurePosixPath
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.project import find_project

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
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the runs of the whole team, the best last, from the records in records/.

    Scores are those by the contest's metric. changes: what a recipe changes in the one that it
    extends, and --set.
    """
    from toolkit.experiment.recorded_runs import recorded_runs
    from toolkit.plugin.metric import DEFAULT_METRIC
    from toolkit.records.description import moment_text
    from toolkit.records.run_listing import RunRow, chosen_rows, row_of_run, sorted_run_rows

    out = list_output(format_, output, json_)
    project = find_project()
    found, broken = recorded_runs(project)
    for error in broken:
        console.warn(error.message)
    rows = [row_of_run(each) for each in found]
    if rows:
        rows = sorted_run_rows(chosen_rows(rows, author, recipe), sort)
    names = [each.name for each in fields(RunRow)]
    if out.write_records(names, [asdict(row) for row in rows]):
        return
    if not rows:
        console.note(f"no run is recorded in {project.records}")
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
