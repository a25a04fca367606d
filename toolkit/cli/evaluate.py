"""`trash evaluate`: checkpoints or submission files against any truth, as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.cli.prediction_options import (
    Combine,
    DataRoot,
    Device,
    MemberPost,
    Post,
    PredictionRecipe,
    Store,
    Views,
    Weights,
)
from toolkit.cli.score_tables import print_class_figures, print_difference, print_metrics
from toolkit.cli.session import open_workspace
from toolkit.cli.submission.options import TRUTH, MapSize, Metric, OnEmpty
from toolkit.errors import UsageError
from toolkit.project import Project, find_project

if TYPE_CHECKING:
    from toolkit.report.evaluation import EvaluationResult
    from toolkit.submission.scored_files import ScoringOptions


def evaluate(
    named: Annotated[
        list[str],
        typer.Argument(
            metavar="CHECKPOINT|FILE…",
            help="Checkpoints or runs (NAME or runs/NAME: its best.pt), or submission files; "
            "@views after a checkpoint, as in a.pt@hflip*rot90. Several are shown side by side.",
        ),
    ],
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help=f"What is right: {TRUTH}; or what data.format reads."),
    ] = None,
    split: Annotated[
        Literal["val", "test", "train"] | None,
        typer.Option(
            help="In place of --truth: images of the recipe; test are those of data.truth. "
            "Default for checkpoints: val."
        ),
    ] = None,
    recipe: PredictionRecipe = None,
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Combine all checkpoints, and evaluate that.")
    ] = False,
    combine: Combine = None,
    weights: Weights = None,
    views: Views = None,
    post: Post = None,
    member_post: MemberPost = None,
    metric: Metric = None,
    on_empty: OnEmpty = None,
    size: MapSize = None,
    data_root: DataRoot = None,
    store: Store = None,
    device: Device = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default: a file in reports/."),
    ] = None,
    json_: Json = False,
) -> None:
    """Score checkpoints or submission files against any truth, and write a page on it.

    The page is that of `trash report` without a training: scores with their intervals, classes,
    confusion, worst images and, of checkpoints, probabilities. It is scored as the leaderboard
    does, at the size of the submission. For the numbers of a file alone: `trash submission score`.
    """
    from toolkit.ensemble.combination import Combination
    from toolkit.experiment.find import find_checkpoint
    from toolkit.predict.members import prediction_recipe
    from toolkit.recipe.problems import shown_path
    from toolkit.report.evaluated_checkpoints import LabelledImages, evaluate_checkpoints
    from toolkit.report.evaluation import write_evaluation
    from toolkit.report.page import page_path, refuse_folder
    from toolkit.submission.named_files import are_submissions
    from toolkit.submission.scored_files import ScoringOptions
    from toolkit.submission.submit_options import parse_combination, with_options

    if output is not None:
        refuse_folder(output, "evaluation.html")
    if truth is not None and split is not None:
        raise UsageError("give --truth or --split, not both")
    project = find_project()
    if are_submissions(named):
        _refuse(
            "is for checkpoints, a submission file holds labels",
            {
                "--ensemble": ensemble,
                "--combine": combine,
                "--weights": weights,
                "--views": views,
                "--post": post,
                "--member-post": member_post,
                "--store": store,
                "--device": device,
            },
        )
        evaluation = _of_files(
            project, named, truth, split, ScoringOptions(recipe, size, on_empty, metric, data_root)
        )
    else:
        _refuse("is for submission files, a checkpoint's recipe names it", {"--size": size})
        if len(named) > 1 and not ensemble:
            _refuse("needs --ensemble", {"--combine": combine, "--weights": weights})
        choices = [find_checkpoint(text, project, views) for text in named]
        combined = parse_combination(combine)
        used = with_options(
            prediction_recipe(choices[0], project, recipe, data_root),
            combine=combined,
            weights=weights,
            postprocess=post,
            member_postprocess=member_post,
            store=store,
            metric=metric,
            on_empty=on_empty,
        )
        evaluation = evaluate_checkpoints(
            open_workspace(project),
            choices,
            used,
            LabelledImages(split or "val", truth, data_root),
            together=ensemble,
            combination=combined if isinstance(combined, Combination) else None,
            device=device,
        )
    page = page_path(output, project, evaluation.page_name)
    write_evaluation(page, evaluation)
    if json_:
        console.print_json(evaluation.as_json() | {"page": page})
        return
    for warning in evaluation.warnings:
        console.warn(warning)
    _print(evaluation)
    console.print_result(shown_path(page))


def _refuse(why: str, options: Mapping[str, object]) -> None:
    for name, value in options.items():
        if value:
            raise UsageError(f"{name} {why}", f"Leave out {name}.")


def _of_files(
    project: Project,
    named: Sequence[str],
    truth: Path | None,
    split: str | None,
    options: ScoringOptions,
) -> EvaluationResult:
    from toolkit.report.evaluated_files import evaluate_files
    from toolkit.submission.scored_files import plan_scoring

    if split not in (None, "test"):
        raise UsageError(
            f"--split {split}: a submission file holds the test images",
            "For other images name a checkpoint, or their annotations with --truth FILE.",
        )
    truth = truth or options.recipe
    if truth is None:
        raise UsageError(
            "nothing says what is right in these images",
            "Name annotations, a recipe with data.truth, or a submission file with --truth FILE.",
        )
    plan = plan_scoring([Path(each) for each in named], truth, options, project)
    return evaluate_files(open_workspace(project, plan.components), plan, truth, options.data)


def _print(evaluation: EvaluationResult) -> None:
    from toolkit.metrics.scores import metric_title

    scores = evaluation.scores()
    names = [each.name for each in evaluation.evaluated]
    if len(scores) == 1:
        print_metrics(scores[0])
        print_class_figures(evaluation.classes()[0])
    else:
        rows = [
            (metric_title(metric), *(each.metrics[metric] for each in scores))
            for metric in evaluation.metrics.by_name
        ]
        console.print_table(("metric", *names), rows, numeric=names)
        console.print_result("")
        for name, difference in zip(names[1:], evaluation.over_first(), strict=True):
            print_difference(difference, name, names[0], evaluation.metrics.deciding)
    console.print_result("")
