"""`trash submission record`: the leaderboard's scores of a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import File, Sample, Size, SpecRecipe, Test
from toolkit.errors import UsageError
from toolkit.project import find_project


def record(
    file: File,
    public: Annotated[
        float | None, typer.Option("--public", help="Score of the public leaderboard, 0…1.")
    ] = None,
    private: Annotated[
        float | None, typer.Option("--private", help="Score of the private leaderboard, 0…1.")
    ] = None,
    recipe: SpecRecipe = None,
    test: Test = None,
    sample: Sample = None,
    size: Size = None,
    json_: Json = False,
) -> None:
    """Keep the leaderboard's scores of a file in its side-car and its record.

    The file itself may be on another machine: that of a team mate is named by its record. A file
    that has neither is checked and given both: --recipe or --test must then say what it holds.
    """
    from toolkit.recipe.problems import shown_path
    from toolkit.submission.named_files import SubmissionOptions, require_file
    from toolkit.submission.record import adopt_file, record_scores, record_shared_scores
    from toolkit.submission.side_car import side_car_path
    from toolkit.submission.spec import sources_of
    from toolkit.submission.team_record import record_of_file
    from toolkit.submission.uploads import uploads_today

    if public is None and private is None:
        raise UsageError("no score to record", "Add --public 0.7205, --private 0.7043 or both.")
    for option, score in (("--public", public), ("--private", private)):
        if score is not None and not 0 <= score <= 1:
            percent = f"Did you mean {option} {score / 100:g}?" if 1 < score <= 100 else ""
            raise UsageError(f"{option} {score:g}: a score lies in 0…1", percent)
    project = find_project()
    options = SubmissionOptions(recipe, test, sample, size)
    shared = record_of_file(project, file)
    if shared is None and not side_car_path(file).exists():
        require_file(file, project)
        (source,) = sources_of([file], options.source(project))
        side_car = adopt_file(open_workspace(project, source.components), file, source)
        console.note(f"{file} had no side-car: wrote {side_car}")
    elif shared is None and file.exists():
        _warn_if_changed(file)
    if shared is not None:
        file = Path(shown_path(shared.path))
        before, after = record_shared_scores(shared, public, private)
    else:
        before, after = record_scores(project, file, public, private)
    uploads = uploads_today(project)
    if json_:
        values = {"file": file, "before": asdict(before), "recorded": asdict(after)}
        console.print_json(values | {"uploads": asdict(uploads)})
        return
    for name, score, old in (
        ("public", public, before.public),
        ("private", private, before.private),
    ):
        if score is not None:
            was = f" (was {old:g})" if old is not None and old != score else ""
            console.print_result(f"{file}: {name} {score:g}{was}")
    if uploads.per_day is not None:
        (console.warn if uploads.is_exceeded else console.note)(str(uploads))
    for doubt in uploads.doubts:
        console.warn(doubt)


def _warn_if_changed(file: Path) -> None:
    from toolkit.submission.spec import from_side_car

    source = from_side_car(file)
    for warning in source.warnings if source else ():
        console.warn(warning)
