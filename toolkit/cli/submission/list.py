"""`trash submission list`: every submission with its scores."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.project import find_project

_SCORES = ("validation", "local", "public", "private")
Sort = Literal["created", "name", "validation", "local", "public", "private"]


def list_(
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of the rows, the best last.")
    ] = "created",
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the team's submissions with their own scores and the leaderboard's, the newest last.

    Those of team mates are known by their records; files of equal content stand in one row.
    ± is the standard error over images drawn again and again. The rank correlations below say which
    score to trust: 1 = both put the submissions into the same order, 0 = one says nothing about the
    other.
    """
    from toolkit.plugin.metric import DEFAULT_METRIC
    from toolkit.submission.history import read_submissions
    from toolkit.submission.listing import Row, agreements, row_of, score_text, sorted_rows

    out = list_output(format_, output, json_)
    project = find_project()
    found, broken = read_submissions(project)
    rows = sorted_rows([row_of(each) for each in found], sort)
    between = agreements(rows)
    for error in broken:
        console.warn(error.message)
    records = [asdict(row) for row in rows]
    whole = {"submissions": records, "rank_correlations": [asdict(each) for each in between]}
    if out.write_records([each.name for each in fields(Row)], records, whole):
        return
    if not rows:
        console.note(f"no submission in {project.submissions} or {project.records}")
    # Few contests tell the truth of the test split: columns without any score take no room.
    scores = [name for name in _SCORES if any(getattr(row, name) is not None for row in rows)]
    # Scores by several metrics cannot be told apart without it, and mIoU is what people expect.
    several = ["metric"] if {row.metric for row in rows} - {None, DEFAULT_METRIC} else []
    authors = ["author"] if len({row.author for row in rows} - {None}) > 1 else []
    table = [
        (
            row.name,
            *(row.author for _ in authors),
            ", ".join(row.members) or None,
            row.combine,
            *(row.metric for _ in several),
            *(score_text(row, name) for name in scores),
        )
        for row in rows
    ]
    columns = ("submission", *authors, "members", "combine", *several, *scores)
    known = [
        (f"{each.first}, {each.second}", f"{each.correlation:+.2f}", each.n)
        for each in between
        if each.correlation is not None
    ]
    figures = ("rank correlation", "submissions")
    correlations = ListTable(("scores compared", *figures), known, numeric=figures)
    out.print_tables(ListTable(columns, table, numeric=scores), *[correlations] * bool(known))
