"""`trash submit`: checkpoints become a validated leaderboard file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.experiment.execution.submit import SubmissionResult

_CLASSES_SHOWN = 5


def submit(
    checkpoints: Annotated[
        list[str],
        typer.Argument(
            help="Checkpoints or runs (NAME or runs/NAME: its best.pt); @views after one, as in "
            "a.pt@hflip*rot90."
        ),
    ],
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="Combine all checkpoints into one submission.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="The file to write; default: a new one in submissions/."
        ),
    ] = None,
    combine: Combine = None,
    weights: Weights = None,
    views: Views = None,
    post: Post = None,
    member_post: MemberPost = None,
    recipe: PredictionRecipe = None,
    data_root: DataRoot = None,
    store: Store = None,
    device: Device = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    no_validate: Annotated[
        bool, typer.Option("--no-validate", help="Do not score it on the validation split.")
    ] = False,
    json_: Json = False,
) -> None:
    """Predict the test images, combine, and write a checked submission.

    Only the path goes to stdout, figures go to stderr; with --json all of it goes to stdout.
    """
    if len(checkpoints) > 1 and not ensemble:
        raise UsageError(
            f"{len(checkpoints)} checkpoints were named, but not how to combine them",
            "To average them: trash submit --ensemble " + " ".join(checkpoints),
        )
    from toolkit.data.contest import open_contest
    from toolkit.ensemble.combination import Combination
    from toolkit.experiment.execution.submit import submit as make_submission
    from toolkit.experiment.find import find_checkpoint
    from toolkit.plugin.interfaces import Context
    from toolkit.predict.members import prediction_recipe
    from toolkit.submission.submit_options import default_output, parse_combination, with_options

    project = find_project()
    workspace = open_workspace(project)
    choices = [find_checkpoint(text, project, views) for text in checkpoints]
    combined = parse_combination(combine)
    used = with_options(
        prediction_recipe(choices[0], project, recipe, data_root),
        combine=combined,
        weights=weights,
        postprocess=post,
        member_postprocess=member_post,
        store=store,
    )
    contest = open_contest(workspace, used.data)
    format_ = workspace.registry.build(
        "submission_format", used.submission, Context(contest.class_names)
    )
    result = make_submission(
        workspace,
        choices,
        used,
        contest,
        output=output or default_output(choices, project, format_.suffix),
        cache=project.cache,
        device=device,
        overwrite=overwrite,
        validate=not no_validate,
        combination=combined if isinstance(combined, Combination) else None,
    )
    if json_:
        console.print_json(result.as_json())
        return
    from toolkit.metrics.scores import by_other_metrics

    for line in _report(result):
        console.note(line)
    if result.score is not None:
        others = by_other_metrics(result.score.metrics, result.score.metric)
        console.note_items("test split", others)
    shares = sorted(result.class_shares.items(), key=lambda item: -item[1])
    shown = [(name, f"{share:.1%}") for name, share in shares[:_CLASSES_SHOWN]]
    console.note_items("pixels", [f"{name} {share}" for name, share in shown if share != "0.0%"])
    for warning in result.warnings:
        console.warn(warning)
    console.print_result(str(result.path))


def _report(result: SubmissionResult) -> list[str]:
    from toolkit.metrics.scores import metric_title, with_error
    from toolkit.wording import counted

    rows: list[tuple[str, str, Any]] = [
        (each.name, each.member.views or "", each.validation) for each in result.members
    ]
    rows.append(("submitted", "", result.validation))
    if result.score is not None:
        rows.append(("test split", "", result.score))
    width = max(len(name) for name, _, _ in rows)
    titles = {metric_title(scores.metric) for _, _, scores in rows if scores} or {"mIoU"}
    title = titles.pop()
    column = max(6, len(title))
    lines = [f"{'member':<{width}}  {title:>{column}}           views"]
    for name, views, scores in rows:
        figure, _, error = (with_error(scores) if scores else "-").partition(" ")
        lines.append(f"{name:<{width}}  {figure:>{column}} {error:<8}  {views}".rstrip())
    if result.fitted is not None:
        lines.append(
            f"fitted to {result.fitted.images} of these images: expect "
            f"{result.fitted.honest_score:.4f}, "
            "its score on images that it was not fitted to"
        )
    lines.append(f"{counted(result.rows, 'row', 'rows')}, checked")
    return lines
