"""`trash submission check`: what is wrong with a file."""

from __future__ import annotations

from dataclasses import asdict

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import File, Sample, Size, SpecRecipe, Test
from toolkit.errors import UsageError
from toolkit.project import find_project


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
    from toolkit.submission.named_files import SubmissionOptions, require_file
    from toolkit.submission.plausibility import doubts
    from toolkit.submission.spec import expect, refuse_contradiction, sources_of
    from toolkit.wording import counted

    project = find_project()
    options = SubmissionOptions(recipe, test, sample, size)
    named = options.source(project)
    require_file(file, project)
    (source,) = sources_of([file], named)
    expected = expect(open_workspace(project, source.components), source)
    refuse_contradiction(file, expected.format, expected.class_names)
    report = check_submission(file, expected.format, expected.image_ids, len(expected.class_names))
    shares = dict(zip(expected.class_names, report.class_shares, strict=False))
    warnings = [*source.warnings, *report.warnings]
    if report.valid:
        warnings += doubts(file, source, expected, report, project)
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
