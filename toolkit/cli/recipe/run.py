"""`trash recipe run`: train, predict and write what a recipe describes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import RECIPE_HELP, DataFolder, Json
from toolkit.cli.recipe.options import Set, Unset, parse_seeds
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project
from toolkit.recipe.data_folder import with_data_root
from toolkit.recipe.trial import chosen_trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiment.execution.result import RunResult
    from toolkit.recipe.load import LoadedRecipe
    from toolkit.recipe.trial import Trial
    from toolkit.workspace import Workspace


def run(
    recipe: Annotated[
        Path | None, typer.Argument(metavar="RECIPE", help=RECIPE_HELP, show_default=False)
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Reproduce a run of the team by its record (trash run list), in place of a "
            "recipe; what is not as it was then is told first.",
        ),
    ] = None,
    data: DataFolder = None,
    set_: Set = None,
    unset: Unset = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest run that fits this recipe.")
    ] = False,
    smoke: Annotated[
        bool,
        typer.Option(
            "--smoke", help="Try it in seconds: demo data, tiny sizes, no pretrained weights."
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            metavar="N",
            min=1,
            help="Try it on your own data: at most N images of each split, one epoch (--set "
            "train.epochs=N: more). Keeps nothing.",
        ),
    ] = None,
    overfit: Annotated[
        int | None,
        typer.Option(
            "--overfit",
            metavar="N",
            min=1,
            help="Try whether the network learns at all: N batches of your own data again and "
            "again, without augmentation. Keeps nothing.",
        ),
    ] = None,
    devices: Annotated[
        int,
        typer.Option(
            "--devices", min=1, help="Number of devices to train on; each gets a process."
        ),
    ] = 1,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show the stages, and which are finished; run nothing.")
    ] = False,
    folds: Annotated[
        bool, typer.Option("--folds", help="Run it once for every fold of data.folds.")
    ] = False,
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", metavar="N,N,…", help="Run it with each of these seeds."),
    ] = None,
    json_: Json = False,
) -> None:
    """Train, predict, and write the submission that a recipe describes.

    Recipes that it needs, such as teachers of pseudo-labels, are run first unless they are
    finished.
    """
    from toolkit.experiment.execution.execute import execute
    from toolkit.experiment.planning.planner import load_for_run
    from toolkit.report.writers import PAGES

    trial = chosen_trial(smoke=smoke, limit=limit, overfit=overfit)
    workspace = open_workspace(find_project())
    if record is not None:
        if recipe or set_ or unset or trial or folds or seeds is not None:
            raise UsageError(
                "--from runs what the record says: it goes with --data, --devices, --resume and "
                "--plan alone",
                f"To change something: trash run show {record} --recipe > recipes/NAME.toml",
            )
        _reproduce(workspace, record, data, resume=resume, devices=devices, plan=plan, json_=json_)
        return
    if recipe is None:
        raise UsageError("which recipe?", "Name one, or a run of the team with --from RUN.")
    set_ = with_data_root(set_, data, workspace.project)
    if folds or seeds is not None:
        if resume or trial or plan:
            raise UsageError(
                "--folds and --seeds cannot be combined with --resume, --plan or a trial "
                "(--smoke, --limit, --overfit)",
                "Finished runs are found again and interrupted ones are resumed without --resume.",
            )
        _run_series(
            workspace,
            recipe,
            set_,
            unset or (),
            folds=folds,
            seeds=[] if seeds is None else parse_seeds(seeds),
            devices=devices,
            json_=json_,
        )
        return
    loaded = load_for_run(workspace, recipe, set_, unset or (), trial)
    if plan:
        _print_plan(workspace, loaded, trial, resume=resume, json_=json_)
        return
    result = execute(workspace, loaded, resume=resume, trial=trial, devices=devices, pages=PAGES)
    _print_result(result, json_=json_)


def _reproduce(
    workspace: Workspace,
    text: str,
    data: Path | None,
    *,
    resume: bool,
    devices: int,
    plan: bool,
    json_: bool,
) -> None:
    from toolkit.experiment.execution.execute import execute
    from toolkit.experiment.execution.reproduce import check_reproduction, load_from_record
    from toolkit.experiment.recorded_runs import find_run
    from toolkit.recipe.problems import shown_path
    from toolkit.report.writers import PAGES

    stored = find_run(text, workspace.project)
    loaded = load_from_record(workspace, stored, data)
    found = check_reproduction(workspace, loaded, stored)
    for warning in found.warnings:
        console.warn(warning)
    if plan:
        _print_plan(workspace, loaded, None, resume=resume, json_=json_)
        return
    if found.finished is None:
        result = execute(workspace, loaded, resume=resume, devices=devices, pages=PAGES)
        _print_result(result, json_=json_)
        return
    console.note(f"{found.finished.name} is the same training, finished before: nothing is trained")
    if json_:
        console.print_json(found.finished.manifest()["result"])
        return
    console.print_result(f"{'run':<11} {shown_path(found.finished.path)}")
    console.print_result(f"{'checkpoint':<11} {shown_path(found.finished.best)}")


def _print_result(result: RunResult | None, *, json_: bool) -> None:
    if result is None:  # a helper process of --devices: the first one reports
        return
    if json_:
        console.print_json(result.as_json())
        return
    for name, value in result.summary():
        console.print_result(f"{name:<11} {value}")
    for warning in result.warnings:
        console.warn(warning)


def _run_series(
    workspace: Workspace,
    recipe: Path,
    set_: Sequence[str],
    unset: Sequence[str],
    *,
    folds: bool,
    seeds: Sequence[int],
    devices: int,
    json_: bool,
) -> None:
    from toolkit.experiment.execution.series import make_variants, run_series, series_name
    from toolkit.experiment.study.scores import spread
    from toolkit.metrics.scores import metric_title, with_error
    from toolkit.recipe.problems import shown_path
    from toolkit.report.writers import PAGES

    variants = make_variants(workspace, recipe, set_=set_, unset=unset, folds=folds, seeds=seeds)
    series = run_series(
        workspace,
        variants,
        series_name(variants, folds=folds, seeds=seeds),
        devices=devices,
        pages=PAGES,
    )
    if json_:
        console.print_json(series.as_json())
        return
    title = metric_title(series.out_of_fold.metric)
    scores = f"validation {title}", f"test {title}"
    console.print_table(
        ("run", "seed", "fold", *scores),
        [(o.run, o.seed, o.fold, o.validation, o.test) for o in series.outcomes],
        numeric=("seed", "fold", *scores),
    )
    held_out = "out of fold" if folds else "together"
    lines = {
        "validation": f"{title} {spread([each.validation for each in series.outcomes])}",
        held_out: f"{title} {with_error(series.out_of_fold)} on all held-out images",
        "summary": shown_path(series.path),
    }
    if series.submission is not None:
        lines["submission"] = shown_path(series.submission.path)
        if series.submission.score is not None:
            lines["score"] = f"{title} {with_error(series.submission.score)} on the test split"
    for label, text in lines.items():
        console.print_result(f"{label:<11} {text}")
    for warning in series.warnings:
        console.warn(warning)


def _print_plan(
    workspace: Workspace, loaded: LoadedRecipe, trial: Trial | None, *, resume: bool, json_: bool
) -> None:
    from toolkit.experiment.output_dirs import open_output_dirs
    from toolkit.experiment.planning.planner import make_plan
    from toolkit.experiment.planning.stage_states import states_of

    with open_output_dirs(workspace.project, trial) as dirs:
        states = list(states_of(make_plan(workspace, loaded, trial=trial), dirs, resume=resume))
    if json_:
        console.print_json([each.as_json() for each in states])
        return
    console.print_table(
        ("stage", "what", "state", "where"),
        [(number, each.what, each.told, each.where) for number, each in enumerate(states, 1)],
    )
    for each in states:
        if each.note:
            console.note(each.note)
