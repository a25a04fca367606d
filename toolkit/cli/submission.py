"""`trash submission`: everything about leaderboard files after they were written."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.session import open_formats
from toolkit.cli.submission_board import list_submissions, record
from toolkit.cli.submission_files import diff, merge, show
from toolkit.cli.submission_options import (
    TRUTH,
    File,
    Json,
    RecipePath,
    Sample,
    Size,
    SubmissionOptions,
    Test,
    parse_size,
    readable,
    require_file,
)
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    from toolkit.metrics.confusion import Scores
    from toolkit.submission.check import CheckReport
    from toolkit.submission.spec import Expectation, SpecSource

app = typer.Typer(
    help="Leaderboard files: check, score, compare, merge, look at them, keep their scores.",
    no_args_is_help=True,
)


@app.command()
def check(
    file: File,
    recipe: RecipePath = None,
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


@app.command()
def score(
    file: File,
    truth: Annotated[Path, typer.Option("--truth", help=f"{TRUTH}.")],
    recipe: RecipePath = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="HxW", help="Size of the maps.")
    ] = None,
    on_empty: Annotated[
        Literal["refuse", "skip"] | None,
        typer.Option(help="Annotations that cover no pixel; default: the recipe's, else refuse."),
    ] = None,
    json_: Json = False,
) -> None:
    """Score a file against the annotations of its images: mIoU and the IoU of every class."""
    from toolkit.plugin.interfaces import Context
    from toolkit.submission.score import score_submission
    from toolkit.submission.spec import (
        from_files,
        from_recipe,
        from_side_car,
        refuse_contradiction,
        truth_split,
    )
    from toolkit.submission.truth import truth_file

    if recipe is not None and size is not None:
        raise UsageError("give --recipe or --size, not both")
    require_file(file)
    project = find_project()
    annotations = truth_file(truth, project)
    if annotations is None:
        _score_by_file(file, truth, recipe, project, json_)
        return
    beside = from_side_car(file) if recipe is None and size is None else None
    if recipe is not None:
        source = from_recipe(recipe, project)
    else:
        source = beside or from_files(None, None, parse_size(size))
    data = (
        source.data if on_empty is None else source.data.model_copy(update={"on_empty": on_empty})
    )
    progress = console.make_progress()
    split = truth_split(annotations, data, progress)
    class_names = split.labels.class_names
    registry = open_formats(project, source.format)
    format_ = registry.build("submission_format", source.format, Context(class_names))
    refuse_contradiction(file, format_, class_names)
    scores = score_submission(file, format_, split, progress)
    _print_scores(file, scores, class_names, json_)


def _score_by_file(
    file: Path, truth: Path, recipe: Path | None, project: Project, json_: bool
) -> None:
    """Score a file by the labels of another one."""
    from toolkit.submission.diff import compare

    (first, second), _ = readable([truth, file], SubmissionOptions(recipe), project)
    _print_scores(file, compare(first, second).scores, first.class_names, json_)


def _print_scores(file: Path, scores: Scores, class_names: tuple[str, ...], json_: bool) -> None:
    if json_:
        iou = dict(zip(class_names, scores.iou, strict=True))
        console.print_json({"file": file} | asdict(scores) | {"iou": iou})
        return
    figures = [("mIoU", scores.mean_iou), *zip(class_names, scores.iou, strict=True)]
    figures += [
        ("foreground IoU", scores.foreground_iou),
        ("pixel accuracy", scores.accuracy),
        ("mean class accuracy", scores.mean_class_accuracy),
    ]
    console.print_table(("", "score"), figures, numeric=("score",))


app.command()(diff)
app.command()(show)
app.command()(merge)
app.command()(record)
app.command("list")(list_submissions)
