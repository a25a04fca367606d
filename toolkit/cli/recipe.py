"""`trash recipe`: run, compare, check, show, list, new, schema."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolkit.cli import console, recipe_new
from toolkit.cli.recipe_options import (
    RECIPE_HELP,
    DataFolder,
    Json,
    RecipePath,
    Set,
    Unset,
    with_data,
)
from toolkit.cli.session import open_registry
from toolkit.errors import EXIT_USAGE, TrashError, UsageError
from toolkit.project import find_project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.experiment.run_folder import RunFolder
    from toolkit.plugin.registry import Registry
    from toolkit.progress import Progress
    from toolkit.project import Project
    from toolkit.recipe.load import LoadedRecipe

app = typer.Typer(
    help="Experiments as TOML files: run, compare, check, show, list.", no_args_is_help=True
)


@app.command("run")
def run_(
    recipe: RecipePath,
    data: DataFolder = None,
    set_: Set = None,
    unset: Unset = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the newest run that fits this recipe.")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try it in seconds: demo data, tiny sizes, no weights.")
    ] = False,
    devices: Annotated[
        int, typer.Option("--devices", min=1, help="Train on so many devices (processes).")
    ] = 1,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show the stages and what there is of them; do nothing.")
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

    Recipes that it needs, such as teachers of pseudo-labels, are run first unless they are finished.
    """
    from toolkit.experiment.execution.execute import execute
    from toolkit.experiment.planning.planner import load_for_run
    from toolkit.report.pseudo_page import write_pseudo_page

    project = find_project()
    registry = open_registry(project)
    set_ = with_data(set_, data, project)
    if folds or seeds is not None:
        if resume or smoke or plan:
            raise UsageError(
                "--folds and --seeds go without --resume, --smoke and --plan",
                "Runs that are finished are found again, and those that were cut go on, by themselves.",
            )
        _run_series(
            recipe, project, registry, set_, unset or (), folds=folds,
            seeds=[] if seeds is None else _seeds(seeds), devices=devices, json_=json_,
        )  # fmt: skip
        return
    loaded = load_for_run(recipe, project, set_, unset or (), smoke=smoke, registry=registry)
    progress = console.make_progress()
    if plan:
        _print_plan(loaded, registry, project, progress, resume=resume, smoke=smoke, json_=json_)
        return
    result = execute(
        loaded, registry, project, progress, resume=resume, smoke=smoke, devices=devices,
        write_page=write_pseudo_page,
    )  # fmt: skip
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
    recipe: Path,
    project: Project,
    registry: Registry,
    set_: Sequence[str],
    unset: Sequence[str],
    *,
    folds: bool,
    seeds: Sequence[int],
    devices: int,
    json_: bool,
) -> None:
    from toolkit.experiment.execution.compare import spread
    from toolkit.experiment.execution.series import make_variants, run_series
    from toolkit.recipe.problems import shown_path
    from toolkit.report.pseudo_page import write_pseudo_page

    variants = make_variants(
        recipe, project, registry, set_=set_, unset=unset, folds=folds, seeds=seeds
    )
    kind = ".folds" * folds + ".seeds" * bool(seeds)
    name = f"{variants[0].loaded.name}{kind}"
    series = run_series(
        variants, name, registry, project, console.make_progress(), devices=devices,
        write_page=write_pseudo_page,
    )  # fmt: skip
    if json_:
        console.print_json(series.as_json())
        return
    console.print_table(
        ("run", "seed", "fold", "validation mIoU", "test mIoU"),
        [(o.run, o.seed, o.fold, o.validation, o.test) for o in series.outcomes],
        numeric=("seed", "fold", "validation mIoU", "test mIoU"),
    )
    held_out = "out of fold" if folds else "together"
    lines = {
        "validation": f"mIoU {spread([each.validation for each in series.outcomes])}",
        held_out: f"mIoU {series.out_of_fold.mean_iou:.4f} on all held-out images",
        "summary": shown_path(series.path),
    }
    if series.submission is not None:
        lines["submission"] = shown_path(series.submission.path)
        if series.submission.score is not None:
            lines["score"] = f"mIoU {series.submission.score.mean_iou:.4f} on the test split"
    for label, text in lines.items():
        console.print_result(f"{label:<11} {text}")
    for warning in series.warnings:
        console.warn(warning)


def _print_plan(
    loaded: LoadedRecipe,
    registry: Registry,
    project: Project,
    progress: Progress,
    *,
    resume: bool,
    smoke: bool,
    json_: bool,
) -> None:
    from toolkit.experiment.execution.execute import states_of
    from toolkit.experiment.output_dirs import open_output_dirs
    from toolkit.experiment.planning.planner import make_plan

    with open_output_dirs(project, smoke=smoke) as dirs:
        states = list(
            states_of(
                make_plan(loaded, registry, project, progress, smoke=smoke), dirs, resume=resume
            )
        )
    if json_:
        console.print_json(
            [
                {
                    "what": each.what,
                    "state": each.state,
                    "where": each.where,
                    "finished_before": each.before,
                    "note": each.note,
                    "key": each.stage.key,
                }
                for each in states
            ]
        )
        return
    console.print_table(
        ("stage", "what", "state", "where"),
        [(number, each.what, each.told, each.where) for number, each in enumerate(states, 1)],
    )
    for each in states:
        if each.note:
            console.note(each.note)


@app.command()
def compare(
    recipes: Annotated[
        list[Path], typer.Argument(help="Recipes, or folders of them; the first is the baseline.")
    ],
    data: DataFolder = None,
    seeds: Annotated[
        str, typer.Option("--seeds", metavar="N,N,…", help="Run each recipe with these seeds.")
    ] = "1,2,3",
    set_: Set = None,
    per_class: Annotated[
        bool, typer.Option("--per-class", help="Show the IoU of every class as well.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the table as Markdown.")
    ] = False,
    json_: Json = False,
) -> None:
    """Run recipes with several seeds and print mean ± spread.

    Finished runs of the same recipe, data and plugins are not run again.
    """
    from toolkit.experiment.execution import compare as comparing
    from toolkit.experiment.execution.execute import execute
    from toolkit.report.pseudo_page import write_pseudo_page

    project = find_project()
    registry = open_registry(project)
    progress = console.make_progress()

    def run_one(loaded: LoadedRecipe) -> RunFolder | None:
        result = execute(loaded, registry, project, progress, write_page=write_pseudo_page)
        return result.run if result else None

    found = comparing.compare(
        comparing.expanded(recipes, project), _seeds(seeds), registry, project,
        set_=with_data(set_, data, project), execute=run_one, say=progress.say,
    )  # fmt: skip
    if json_:
        console.print_json([asdict(one) for one in found])
        return
    columns, rows = comparing.table(found, per_class=per_class)
    if markdown:
        console.print_result(comparing.markdown(columns, rows))
    else:
        console.print_table(columns, rows, numeric=columns[1:])


def _seeds(text: str) -> list[int]:
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--seeds {text}: not numbers with commas between them", "For example: --seeds 1,2,3"
        ) from None


@app.command()
def check(
    recipes: Annotated[list[Path], typer.Argument(metavar="RECIPE…", help=RECIPE_HELP)],
    data: DataFolder = None,
    set_: Set = None,
    unset: Unset = None,
    names_only: Annotated[
        bool, typer.Option("--names-only", help="Check names and parameters only (quick).")
    ] = False,
) -> None:
    """Find every mistake without training: names, parameters, files, class lists."""
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.problems import shown_path

    project = find_project()
    registry = open_registry(project)
    set_ = with_data(set_, data, project)
    wrong = 0
    for path in recipes:
        try:
            loaded = load_recipe(
                path, project=project, registry=registry, set_=set_, unset=unset or ()
            )
            warnings: list[str] = []
            if not names_only:
                from toolkit.experiment.planning.check import check_recipe

                warnings = check_recipe(loaded, registry, project)
        except TrashError as error:
            wrong += 1
            console.print_error(error)
            continue
        for warning in warnings:
            console.warn(f"{shown_path(loaded.path)}: {warning}")
        count = f", {len(warnings)} warning{'s' * (len(warnings) > 1)}" if warnings else ""
        console.print_result(f"{shown_path(loaded.path)}: ok{count}")
    if wrong:
        raise typer.Exit(EXIT_USAGE)


@app.command()
def show(
    recipe: RecipePath,
    set_: Set = None,
    unset: Unset = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Show where each value comes from.")
    ] = False,
    json_: Json = False,
) -> None:
    """Print a recipe with everything that it extends and every default."""
    from toolkit.recipe.load import load_recipe
    from toolkit.recipe.show import as_toml, origin_rows, resolved_values

    project = find_project()
    registry = open_registry(project)
    loaded = load_recipe(
        recipe, project=project, registry=registry, set_=set_ or (), unset=unset or ()
    )
    values = resolved_values(loaded, registry)
    rows = list(origin_rows(loaded, values))
    if json_ and origin:
        console.print_json(
            [dict(zip(("key", "value", "origin"), row, strict=True)) for row in rows]
        )
    elif json_:
        console.print_json(values)
    elif origin:
        console.print_table(("key", "value", "origin"), rows)
    else:
        console.print_result(as_toml(values).rstrip())


@app.command("list")
def list_(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Only recipes with these words in path, title, model or loss."),
    ] = None,
    json_: Json = False,
) -> None:
    """List the project's recipes by folder, with models, losses and reference scores."""
    from toolkit.recipe.listing import list_recipes

    project = find_project()
    rows = list_recipes(project, words or ())
    if not rows and words:
        raise UsageError(
            f"no recipe has {' and '.join(words)} in its path, title, model or loss",
            "List all: trash recipe list",
        )
    if not rows:
        raise UsageError(
            f"there are no recipes in {project.recipes}",
            "Write one: trash recipe new NAME --data DIR",
        )
    if json_:
        console.print_json([row.as_json() for row in rows])
        return
    groups: dict[str, list[console.Entry]] = {}
    for row in rows:
        groups.setdefault(row.folder, []).append((row.name, row.text))
    console.print_entries(groups)
    for row in rows:
        if row.error:
            console.warn(row.error)


app.command()(recipe_new.new)


@app.command()
def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it to this file.")
    ] = None,
) -> None:
    """Print a JSON schema for editors, with the parameters of every plugin."""
    from toolkit.files import write_json_atomic
    from toolkit.recipe.json_schema import recipe_json_schema

    value: dict[str, Any] = recipe_json_schema(open_registry(find_project()))
    if output is None:
        console.print_json(value)
        return
    write_json_atomic(output, value)
    console.print_result(str(output))
    console.note(f"editors with Taplo read it from a first line such as: #:schema {output}")
