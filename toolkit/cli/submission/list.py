"""`trash submission list`: every submission with its scores."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.project import find_project

_SCORES = ("validation", "local", "public", "private")
Sort = Literal["created", "name", "validation", "local", "public", "private"]


def list_(
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of the rows, the best last.")
    ] = "created",
    json_: Json = False,
) -> None:
    """List the team's submissions with their own scores and the leaderboard's, the newest last.

    Those of team mates are known by their records; files of equal content stand in one row.
    ± is the standard error over images drawn again and again. The rank correlations below say which
    score to trust: 1 = both put the submissions into the same order, 0 = one says nothing about the
    other.
    """
    from toolkit.plugin.metric import DEFAULT_METRIC
    from toolkit.submission.history import read_submissions
    from toolkit.submission.listing import agreements, row_of, score_text, sorted_rows

    project = find_project()
    found, broken = read_submissions(project)
    rows = sorted_rows([row_of(each) for each in found], sort)
    between = agreements(rows)
    for error in broken:
        console.warn(error.message)
    if json_:
        values = {"submissions": [asdict(row) for row in rows]}
        console.print_json(values | {"rank_correlations": [asdict(each) for each in between]})
        return
    if not rows:
        console.note(f"no submission in {project.submissions} or {project.records}")
        return
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
    console.print_table(
        ("submission", *authors, "members", "combine", *several, *scores), table, numeric=scores
    )
    known = [
        (f"{each.first}, {each.second}", f"{each.correlation:+.2f}", each.n)
        for each in between
        if each.correlation is not None
    ]
    if known:
        console.print_result("")
        console.print_table(
            ("scores compared", "rank correlation", "submissions"),
            known,
            numeric=("rank correlation", "submissions"),
        )
