"""`trash submission score`: a file against the annotations of its images."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.score_tables import print_difference, print_metrics
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import TRUTH, File, MapSize, Metric, OnEmpty, SpecRecipe
from toolkit.project import find_project


def score(
    file: File,
    truth: Annotated[Path, typer.Option("--truth", help=f"{TRUTH}.")],
    recipe: SpecRecipe = None,
    size: MapSize = None,
    on_empty: OnEmpty = None,
    metric: Metric = None,
    over: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Another file, to tell whether the difference is within noise."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Score a file against the annotations of its images: every metric, the IoU of every class.

    ± is the standard error over images drawn again and again; --json has the 95 % intervals. These
    are the numbers alone: `trash evaluate` makes a page of them, with errors and images.
    """
    from toolkit.submission.score import scores_of
    from toolkit.submission.scored_files import ScoringOptions, plan_scoring, score_files

    project = find_project()
    files = [file] if over is None else [file, over]
    plan = plan_scoring(files, truth, ScoringOptions(recipe, size, on_empty, metric), project)
    counted = score_files(open_workspace(project, plan.components), plan)
    metrics = counted.metrics
    scores = scores_of(counted.counts[0], metrics)
    if scores.deciding is None:
        from toolkit.metrics.scores import without_value

        console.warn(without_value(metrics, counted.counts[0], Path(truth).name))
    difference = None
    if over is not None:
        from toolkit.metrics.bootstrap import paired_difference

        difference = paired_difference(metrics.metric, [(counted.counts[0], counted.counts[1])])
    if json_:
        iou = dict(zip(metrics.class_names, scores.iou, strict=True))
        found: dict[str, Any] = {"file": file} | asdict(scores) | {"iou": iou}
        if difference is not None:
            noise = {"within_noise": difference.within_noise}
            found["over"] = {"file": over} | asdict(difference) | noise
        console.print_json(found)
        return
    print_metrics(scores)
    classes = list(zip(metrics.class_names, scores.iou, strict=True))
    console.print_table(("class", "IoU"), classes, numeric=("IoU",))
    if difference is not None:
        console.print_result("")
        print_difference(difference, "", str(over), metrics.deciding)
