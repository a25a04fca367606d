"""`trash submission score`: a file against the annotations of its images."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_formats
from toolkit.cli.submission.options import TRUTH, File, SpecRecipe, open_files
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    from toolkit.metrics.confusion import Scores


def score(
    file: File,
    truth: Annotated[Path, typer.Option("--truth", help=f"{TRUTH}.")],
    recipe: SpecRecipe = None,
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
    from toolkit.submission.named_files import require_file, source_to_score
    from toolkit.submission.score import score_submission
    from toolkit.submission.spec import refuse_contradiction, truth_split
    from toolkit.submission.truth import truth_file

    if recipe is not None and size is not None:
        raise UsageError("give --recipe or --size, not both")
    project = find_project()
    require_file(file, project)
    annotations = truth_file(truth, project)
    if annotations is None:
        _score_by_file(file, truth, recipe, project, json_)
        return
    source = source_to_score(file, project, recipe, size, on_empty)
    progress = console.make_progress()
    split = truth_split(annotations, source.data, progress)
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
    from toolkit.submission.named_files import SubmissionOptions

    (first, second), _ = open_files([truth, file], SubmissionOptions(recipe), project)
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
