"""`trash submission record` and `list`: what became of the files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.session import open_formats
from toolkit.cli.submission_options import (
    File,
    Json,
    RecipePath,
    Sample,
    Size,
    SubmissionOptions,
    Test,
    require_file,
)
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

_SCORES = ("validation", "local", "public", "private")
Sort = Literal["created", "name", "validation", "local", "public", "private"]


def record(
    file: File,
    public: Annotated[
        float | None, typer.Option("--public", help="Score of the public leaderboard, 0…1.")
    ] = None,
    private: Annotated[
        float | None, typer.Option("--private", help="Score of the private leaderboard, 0…1.")
    ] = None,
    recipe: RecipePath = None,
    test: Test = None,
    sample: Sample = None,
    size: Size = None,
    json_: Json = False,
) -> None:
    """Keep the leaderboard's scores of a file in its side-car.

    The file itself may be on another machine. A file that has no side-car, such as a team mate's, is
    checked and given one: say with --recipe or --test what it holds.
    """
    from toolkit.submission.record import record_scores
    from toolkit.submission.side_car import side_car_path

    if public is None and private is None:
        raise UsageError("no score to record", "Say --public 0.7205, --private 0.7043 or both.")
    for option, score in (("--public", public), ("--private", private)):
        if score is not None and not 0 <= score <= 1:
            percent = f"Did you mean {option} {score / 100:g}?" if 1 < score <= 100 else ""
            raise UsageError(f"{option} {score:g}: a score lies in 0…1", percent)
    project = find_project()
    given = SubmissionOptions(recipe, test, sample, size)
    if not side_car_path(file).exists():
        require_file(file)
        _adopt(file, given, project)
    elif file.exists():
        _warn_if_changed(file)
    before, after = record_scores(file, public, private)
    if json_:
        console.print_json({"file": file, "before": asdict(before), "recorded": asdict(after)})
        return
    for name, score, old in (
        ("public", public, before.public),
        ("private", private, before.private),
    ):
        if score is not None:
            was = f" (was {old:g})" if old is not None and old != score else ""
            console.print_result(f"{file}: {name} {score:g}{was}")


def _warn_if_changed(file: Path) -> None:
    from toolkit.submission.spec import from_side_car

    source = from_side_car(file)
    for warning in source.warnings if source else ():
        console.warn(warning)


def _adopt(file: Path, given: SubmissionOptions, project: Project) -> None:
    """Check a file that was not made here, and write a side-car for it."""
    from toolkit.submission.check import check_submission
    from toolkit.submission.record import make_file_side_car
    from toolkit.submission.side_car import write_side_car
    from toolkit.submission.spec import expect, sources_of

    (source,) = sources_of([file], given.source(project))
    registry = open_formats(project, source.format)
    expected = expect(source, project, registry)
    report = check_submission(file, expected.format, expected.image_ids, len(expected.class_names))
    if not report.valid:
        raise UsageError(
            f"{file} is not valid, so it is not what the leaderboard scored: {report.problems[0]}",
            f"See all problems: trash submission check {file}",
        )
    side_car = make_file_side_car(file, source, expected, report, project, registry)
    console.note(f"{file} had no side-car: wrote {write_side_car(file, side_car)}")


def list_submissions(
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of the rows, the largest last.")
    ] = "created",
    json_: Json = False,
) -> None:
    """List every submission with its own scores and the leaderboard's, the newest last.

    The rank correlations below say which score to trust: 1 = both put the submissions into the same
    order, 0 = one says nothing about the other.
    """
    from toolkit.submission.history import read_submissions
    from toolkit.submission.listing import agreements, row_of

    folder = find_project().submissions
    found, broken = read_submissions(folder)
    rows = [row_of(each) for each in found]
    # Rows without the score come first, so that the best are the last that one sees.
    rows.sort(key=lambda row: (getattr(row, sort) is not None, getattr(row, sort) or 0))
    between = agreements(rows)
    for error in broken:
        console.warn(error.message)
    if json_:
        values = {"submissions": [asdict(row) for row in rows]}
        console.print_json(values | {"rank_correlations": [asdict(each) for each in between]})
        return
    if not rows:
        console.note(f"no submission in {folder}")
        return
    # Few contests tell the truth of the test split: columns without any score take no room.
    scores = [name for name in _SCORES if any(getattr(row, name) is not None for row in rows)]
    table = [
        (
            row.name,
            ", ".join(row.members) or None,
            row.combine,
            *(getattr(row, name) for name in scores),
        )
        for row in rows
    ]
    console.print_table(("submission", "members", "combine", *scores), table, numeric=scores)
    known = [
        (f"{each.first}, {each.second}", f"{each.correlation:+.2f}", each.n)
        for each in between
        if each.correlation is not None
    ]
    if known:
        console.print_result("")
        console.print_table(("rank correlation", "", "n"), known, numeric=("", "n"))
