"""`trash submission score`: a file against the annotations of its images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.session import open_components, open_workspace
from toolkit.cli.submission.options import TRUTH, File, SpecRecipe, open_files
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from toolkit.data.sources import AnnotationFile
    from toolkit.metrics.bootstrap import PairedDifference
    from toolkit.metrics.scores import Metrics, Scores
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
    over: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Another file, to tell whether the difference is within noise."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Score a file against the annotations of its images: every metric, the IoU of every class.

    ± is the standard error over images drawn again and again; --json has the 95 % intervals.
    """
    from toolkit.plugin.component_text import parse_component
    from toolkit.submission.named_files import deciding_metric, require_file
    from toolkit.submission.score import scores_of
    from toolkit.submission.truth import truth_file

    if recipe is not None and size is not None:
        raise UsageError("give --recipe or --size, not both")
    project = find_project()
    files = [file] if over is None else [file, over]
    for path in files:
        require_file(path, project)
    chosen = (
        deciding_metric(files if size is None else [], truth, recipe, project)
        if metric is None
        else parse_component(metric)
    )
    annotations = truth_file(truth, project)
    if annotations is None:
        counted = _counted_by_file(files, truth, recipe, chosen, project)
    else:
        counted = _counted_by_annotations(
            files, annotations, recipe, size, on_empty, chosen, project
        )
    metrics = counted.metrics
    scores = scores_of(counted.files[0], metrics)
    if scores.deciding is None:
        from toolkit.metrics.scores import without_value

        console.warn(without_value(metrics, counted.files[0], Path(truth).name))
    difference = None
    if over is not None:
        from toolkit.metrics.bootstrap import paired_difference

        difference = paired_difference(metrics.metric, [(counted.files[0], counted.files[1])])
    if json_:
        iou = dict(zip(metrics.class_names, scores.iou, strict=True))
        found: dict[str, Any] = {"file": file} | asdict(scores) | {"iou": iou}
        if difference is not None:
            noise = {"within_noise": difference.within_noise}
            found["over"] = {"file": over} | asdict(difference) | noise
        console.print_json(found)
        return
    _print_scores(scores, metrics.class_names)
    if difference is not None:
        _print_difference(difference, str(over), metrics.deciding)


@dataclass(frozen=True)
class _Counted:
    """Counts of the images of one or two files, in one order."""

    files: tuple[NDArray[np.int64], ...]
    metrics: Metrics


def _metrics(
    chosen: ComponentSpec | None, class_names: tuple[str, ...], project: Project
) -> Metrics:
    from toolkit.metrics.scores import build_metrics
    from toolkit.plugin.interfaces import Context

    registry = open_components(project, *([("metric", chosen)] if chosen is not None else []))
    return build_metrics(registry, chosen, Context(class_names))


def _counted_by_annotations(
    files: Sequence[Path],
    annotations: AnnotationFile,
    recipe: Path | None,
    size: str | None,
    on_empty: Literal["refuse", "skip"] | None,
    chosen: ComponentSpec | None,
    project: Project,
) -> _Counted:
    from toolkit.plugin.interfaces import Context
    from toolkit.submission.named_files import source_to_score
    from toolkit.submission.score import count_submission
    from toolkit.submission.spec import refuse_contradiction, truth_split

    sources = [source_to_score(path, project, recipe, size, on_empty) for path in files]
    workspace = open_workspace(project, annotations.data.components)
    split = truth_split(workspace, annotations, sources[0].data)
    context = Context(split.labels.class_names)
    metrics = _metrics(chosen, context.class_names, project)
    counting = metrics.counting(split.ignore_index)
    counts = []
    for path, source in zip(files, sources, strict=True):
        registry = open_components(project, *source.components)
        format_ = registry.build("submission_format", source.format, context)
        refuse_contradiction(path, format_, context.class_names)
        counts.append(count_submission(path, format_, split, counting, workspace.progress))
    return _Counted(tuple(counts), metrics)


def _counted_by_file(
    files: Sequence[Path],
    truth: Path,
    recipe: Path | None,
    chosen: ComponentSpec | None,
    project: Project,
) -> _Counted:
    """Count by the labels of another file."""
    from toolkit.submission.diff import compare
    from toolkit.submission.named_files import SubmissionOptions

    (labels, *others), _ = open_files([truth, *files], SubmissionOptions(recipe), project)
    metrics = _metrics(chosen, tuple(labels.class_names), project)
    counts = tuple(compare(labels, each, boundary=metrics.boundary).counts for each in others)
    return _Counted(counts, metrics)


def _print_scores(scores: Scores, class_names: tuple[str, ...]) -> None:
    from toolkit.metrics.scores import metric_title

    errors = {name: each.error for name, each in scores.intervals.items()}
    figures = [
        (metric_title(name), score, errors.get(name, "")) for name, score in scores.metrics.items()
    ]
    console.print_table(("metric", "score", "±"), figures, numeric=("score", "±"))
    console.print_result("")
    classes = list(zip(class_names, scores.iou, strict=True))
    console.print_table(("class", "IoU"), classes, numeric=("IoU",))


def _print_difference(found: PairedDifference, over: str, metric: str) -> None:
    from toolkit.metrics.scores import metric_title

    title = metric_title(metric)
    console.print_result("")
    if found.score is None:
        console.print_result(f"no comparison with {over}: one of them has no {title}")
        return
    if found.score == 0:
        console.print_result(f"the same {title} as {over}")
        return
    verdict = "better" if found.score > 0 else "worse"
    noise = ": within noise" if found.within_noise else ""
    interval = found.interval
    sure = f", 95 % interval {interval.low:+.4f} to {interval.high:+.4f}" if interval else ""
    console.print_result(f"{abs(found.score):.4f} {verdict} than {over} by {title}{sure}{noise}")
