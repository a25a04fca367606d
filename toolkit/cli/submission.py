"""`trash submission`: check and score leaderboard files."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.session import open_registry
from toolkit.errors import UsageError, did_you_mean
from toolkit.project import find_project

app = typer.Typer(help="Leaderboard files: check and score them.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(help="The submission file.")]
RecipePath = Annotated[
    Path | None, typer.Option("--recipe", help="Recipe that says format, images and classes.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    file: File,
    recipe: RecipePath = None,
    test: Annotated[
        Path | None, typer.Option("--test", help="COCO JSON of the images, instead of a recipe.")
    ] = None,
    sample: Annotated[
        Path | None, typer.Option("--sample", help="With --test: file with the order of rows.")
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="HxW", help="With --test: size of the maps.")
    ] = None,
    json_: Json = False,
) -> None:
    """Find what is wrong with a file; by default its side-car says what to expect."""
    from toolkit.submission.check import check_submission
    from toolkit.submission.expect import expect, from_files, from_recipe, from_side_car

    if test is None and (sample or size):
        raise UsageError("--sample and --size go with --test")
    if test is not None and recipe is not None:
        raise UsageError("give --recipe or --test, not both")
    _require_file(file)
    project = find_project()
    if recipe is not None:
        source = from_recipe(recipe, project)
    elif test is not None:
        source = from_files(test, sample, _parse_size(size))
    elif (beside := from_side_car(file)) is not None:
        source = beside
    else:
        raise UsageError(
            f"no side-car beside {file} says what it should hold",
            "Say it with --recipe RECIPE or --test JSON.",
        )
    expected = expect(source, project, open_registry(project))
    report = check_submission(file, expected.format, expected.image_ids, len(expected.class_names))
    shares = dict(zip(expected.class_names, report.class_shares, strict=False))
    warnings = (*source.warnings, *report.warnings)
    if json_:
        values = asdict(report) | {"warnings": warnings, "class_shares": shares}
        console.print_json({"file": file, "valid": report.valid} | values)
    elif report.valid:
        height, width = expected.format.size
        console.print_result(f"{file}: valid, {report.n_rows} rows of {height} × {width} labels")
        rows = [(name, f"{share:.2%}") for name, share in shares.items()]
        console.print_table(("class", "pixels"), rows, numeric=("pixels",))
    else:
        console.print_table(
            ("row", "label", "problem"),
            [(p.row, p.column, f"{p.image_id}\n{p.message}".strip()) for p in report.problems],
            numeric=("row", "label"),
        )
    for warning in warnings:
        console.warn(warning)
    if not report.valid:
        count = len(report.problems)
        problems = "1 problem" if count == 1 else f"{count} problems"
        more = "" if report.complete else " up to where the check stopped"
        raise UsageError(f"{file} is not valid: {problems}{more}")


@app.command()
def score(
    file: File,
    truth: Annotated[Path, typer.Option("--truth", help="COCO JSON with the annotations.")],
    recipe: RecipePath = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="HxW", help="Size of the maps.")
    ] = None,
    json_: Json = False,
) -> None:
    """Score a file against the annotations of its images: mIoU and the IoU of every class."""
    from toolkit.plugin.interfaces import Context
    from toolkit.submission.expect import from_files, from_recipe, from_side_car, truth_split
    from toolkit.submission.score import score_submission

    if recipe is not None and size is not None:
        raise UsageError("give --recipe or --size, not both")
    _require_file(file)
    project = find_project()
    beside = from_side_car(file) if recipe is None and size is None else None
    if recipe is not None:
        source = from_recipe(recipe, project)
    else:
        source = beside or from_files(None, None, _parse_size(size))
    split = truth_split(truth, source.data)
    class_names = split.labels.class_names
    format_ = open_registry(project).build("submission_format", source.format, Context(class_names))
    scores = score_submission(file, format_, split, console.make_progress())
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


def _require_file(file: Path) -> None:
    if file.is_dir():
        raise UsageError(f"{file} is a folder, not a submission file")
    if not file.exists():
        beside = file.parent.iterdir() if file.parent.is_dir() else ()
        raise UsageError(
            f"submission file not found: {file}",
            did_you_mean(file.name, [found.name for found in beside if found.suffix != ".json"]),
        )


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise UsageError(f"--size {text}: expected HEIGHTxWIDTH in pixels, such as 256x256")
    return int(match[1]), int(match[2])
