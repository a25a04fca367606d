"""`trash submission check`: what is wrong with a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_formats
from toolkit.cli.submission.options import (
    File,
    Sample,
    Size,
    SpecRecipe,
    SubmissionOptions,
    Test,
    require_file,
)
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    from toolkit.submission.check import CheckReport
    from toolkit.submission.spec import Expectation, SpecSource


def check(
    file: File,
    recipe: SpecRecipe = None,
    test: Test = None,
    sample: Sample = None,
    size: Size = None,
    json_: Json = False,
) -> None:
    """Find what is wrong with a file; by default its side-car says what to expect."""
    from toolkit.submission.check import check_submission
    from toolkit.submission.spec import expect, refuse_contradiction, sources_of
    from toolkit.wording import counted

    project = find_project()
    given = SubmissionOptions(recipe, test, sample, size).source(project)
    require_file(file)
    (source,) = sources_of([file], given)
    expected = expect(source, project, open_formats(project, source.format))
    refuse_contradiction(file, expected.format, expected.class_names)
    report = check_submission(file, expected.format, expected.image_ids, len(expected.class_names))
    shares = dict(zip(expected.class_names, report.class_shares, strict=False))
    warnings = [*source.warnings, *report.warnings]
    if report.valid:
        warnings += _suspicions(file, source, expected, report, project)
    if json_:
        values = asdict(report) | {"warnings": warnings, "class_shares": shares}
        console.print_json({"file": file, "valid": report.valid} | values)
    elif report.valid:
        height, width = expected.format.size
        console.print_result(
            f"{file}: valid, {counted(report.n_rows, 'row', 'rows')} of {height} × {width} labels"
        )
        rows = [(name, f"{share:.2%}") for name, share in shares.items()]
        console.print_table(("class", "pixels"), rows, numeric=("pixels",))
    else:
        console.print_table(
            ("row", "place", "problem"),
            [
                (
                    problem.row,
                    f"{problem.unit} {problem.column}" if problem.column else None,
                    f"{problem.image_id}\n{problem.message}".strip(),
                )
                for problem in report.problems
            ],
            numeric=("row", "place"),
        )
    for warning in warnings:
        console.warn(warning)
    if not report.valid:
        problems = counted(len(report.problems), "problem", "problems")
        more = "" if report.complete else " up to where the check stopped"
        raise UsageError(f"{file} is not valid: {problems}{more}")


def _suspicions(
    file: Path, source: SpecSource, expected: Expectation, report: CheckReport, project: Project
) -> list[str]:
    """Return what looks wrong with a valid file beside the validation split and earlier files."""
    from toolkit.submission.class_balance import share_warnings
    from toolkit.submission.history import identical_to, read_submissions

    found, broken = read_submissions(project.submissions)
    usual = source.validation_shares
    return [
        *share_warnings(report.class_shares, usual, expected.class_names),
        *identical_to(file, report.labels_digest, found, project.submissions),
        *(error.message for error in broken),
    ]
