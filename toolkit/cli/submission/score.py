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
    from toolkit.metrics.scores import Scores
    from toolkit.plugin.component import ComponentSpec


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
    metric: Annotated[
        str | None,
        typer.Option(help="The metric that decides, such as image_dice; default: the recipe's."),
    ] = None,
    json_: Json = False,
) -> None:
    """Score a file against the annotations of its images: every metric, the IoU of every class."""
    from toolkit.metrics.scores import build_metrics
    from toolkit.plugin.component_text import parse_component
    from toolkit.plugin.interfaces import Context
    from toolkit.submission.named_files import require_file, source_to_score
    from toolkit.submission.score import score_submission
    from toolkit.submission.spec import refuse_contradiction, truth_split
    from toolkit.submission.truth import truth_file

    if recipe is not None and size is not None:
        raise UsageError("give --recipe or --size, not both")
    project = find_project()
    require_file(file, project)
    chosen = parse_component(metric) if metric is not None else None
    annotations = truth_file(truth, project)
    if annotations is None:
        _score_by_file(file, truth, recipe, chosen, project, json_)
        return
    source = source_to_score(file, project, recipe, size, on_empty)
    progress = console.make_progress()
    split = truth_split(annotations, source.data, progress)
    class_names = split.labels.class_names
    chosen = chosen or source.metric
    registry = open_formats(project, source.format, metric=chosen)
    format_ = registry.build("submission_format", source.format, Context(class_names))
    refuse_contradiction(file, format_, class_names)
    metrics = build_metrics(registry, chosen, Context(class_names))
    scores = score_submission(file, format_, split, metrics, progress)
    _print_scores(file, scores, class_names, json_)


def _score_by_file(
    file: Path,
    truth: Path,
    recipe: Path | None,
    chosen: ComponentSpec | None,
    project: Project,
    json_: bool,
) -> None:
    """Score a file by the labels of another one."""
    from toolkit.metrics.scores import build_metrics
    from toolkit.plugin.interfaces import Context
    from toolkit.submission.diff import compare
    from toolkit.submission.named_files import SubmissionOptions

    (first, second), source = open_files([truth, file], SubmissionOptions(recipe), project)
    chosen = chosen or source.metric
    registry = open_formats(project, metric=chosen)
    metrics = build_metrics(registry, chosen, Context(tuple(first.class_names)))
    _print_scores(file, compare(first, second).scores(metrics), first.class_names, json_)


def _print_scores(file: Path, scores: Scores, class_names: tuple[str, ...], json_: bool) -> None:
    if json_:
        iou = dict(zip(class_names, scores.iou, strict=True))
        console.print_json({"file": file} | asdict(scores) | {"iou": iou})
        return
    from toolkit.metrics.scores import metric_title

    figures = [(metric_title(name), score) for name, score in scores.metrics.items()]
    console.print_table(("", "score"), figures, numeric=("score",))
    console.print_result("")
    classes = list(zip(class_names, scores.iou, strict=True))
    console.print_table(("class", "IoU"), classes, numeric=("IoU",))
