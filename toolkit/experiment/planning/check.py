"""All checks of a recipe that need no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
import torch

from toolkit.data.contest import Contest, open_contest
from toolkit.data.crops import refuse_objects
from toolkit.demo.scene import KINDS as DEMO_KINDS
from toolkit.errors import TrashError
from toolkit.experiment.planning.planner import check_stages
from toolkit.metrics.checked import checked
from toolkit.metrics.scores import metric_name, right_counts
from toolkit.objects.cutting import chosen_labels
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.interfaces import Context, CutOut, ObjectBank
from toolkit.plugin.kinds import KINDS
from toolkit.plugin.registry import Registry
from toolkit.recipe.components import component_specs, missing_packages
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.error_location import blamed_key
from toolkit.recipe.load import LoadedRecipe, check_names
from toolkit.recipe.problems import DEFAULT, KeyPath, RecipeError, RecipeProblem, dotted
from toolkit.recipe.schema import Recipe
from toolkit.shapes_only import ShapesOnly
from toolkit.submission.spec import row_order
from toolkit.train.criterion import check_outputs
from toolkit.train.network import adapt_to_channels
from toolkit.train.normalise import normalisation_warning, weights_normalisation
from toolkit.train.outputs import output_shapes
from toolkit.train.start import start_from, without_values
from toolkit.workspace import Workspace

_FILES = ("train", "val", "test", "truth", "sample_submission")


def check_recipe(workspace: Workspace, loaded: LoadedRecipe) -> list[str]:
    """Check names, parameters, files, class lists, and the recipes and checkpoints that it names.

    The components are built untrained. The data are opened once for all of it.

    Returns:
        Warnings: data that are not on this machine could not be checked; weights or the package of
        a component are not here;
        images are normalised otherwise than the network's weights want them.

    Raises:
        RecipeError: everything that is wrong, each with file and line.
        UsageError: as `make_plan`.
    """
    check_names(loaded, workspace.registry)
    problems, warnings, contest = _check_data(workspace, loaded)
    if not problems:
        problems, told = _check_build(loaded, workspace.registry, contest)
        warnings += told
    if problems:
        raise RecipeError(loaded.path, problems)
    missing = missing_packages(loaded.recipe, loaded.layers, workspace.registry)
    warnings += [f"{each.origin}  {each.message}. {each.hint}" for each in missing]
    plan = check_stages(workspace, loaded, contest)
    if plan is not None and isinstance(plan.final.start, Path):
        _check_start(loaded, plan.final.start, workspace.registry, plan.final.contest)
    return warnings


def _check_start(loaded: LoadedRecipe, start: Path, registry: Registry, contest: Contest) -> None:
    """Refuse to begin with the weights of another network."""
    recipe = loaded.recipe
    build = without_values(recipe, registry)
    model, names = build(contest.class_names), contest.class_names
    try:
        with catch_warnings():
            simplefilter("ignore")  # nothing is copied into a network without memory
            new_head = build if recipe.train.start_head else None
            start_from(model, start, names, recipe.model.name, new_head)
    except TrashError as error:
        problem = _problem(loaded, ("train", "start"), error.message, error.hint)
        raise RecipeError(loaded.path, [problem]) from None


def _check_data(
    workspace: Workspace, loaded: LoadedRecipe
) -> tuple[list[RecipeProblem], list[str], Contest | None]:
    data = loaded.recipe.data
    root = workspace.project.path(data.root)
    if data.val is None and data.folds is None:
        origin = loaded.layers.origin(("data",)) or DEFAULT
        problem = RecipeProblem(
            origin, "data.val", "neither val nor folds is given", "Set one of them."
        )
        return [problem], [], None
    if not root.is_dir():
        absent = (
            f"{data.root} is not on this machine: data was not checked "
            "(--data DIR says where it is)"
        )
        return [], [absent] if data.demo is None else [], None
    missing = [
        _problem(loaded, ("data", key), f"there is no file {data_file(root, name)}")
        for key in _FILES
        if (name := getattr(data, key)) is not None and not data_file(root, name).exists()
    ]
    if missing and data.demo is None:
        return missing, [], None
    try:
        contest = open_contest(workspace.silent, data)
    except TrashError as error:
        key = blamed_key(loaded, ("data",), error)
        return [_problem(loaded, key, error.message, error.hint)], [], None
    return [], [], contest


def _problem(loaded: LoadedRecipe, path: KeyPath, message: str, hint: str = "") -> RecipeProblem:
    return RecipeProblem(loaded.layers.origin(path) or DEFAULT, dotted(path), message, hint)


def _check_build(
    loaded: LoadedRecipe, registry: Registry, contest: Contest | None
) -> tuple[list[RecipeProblem], list[str]]:
    data = loaded.recipe.data
    warnings: list[str] = []
    if contest is not None:
        class_names = contest.class_names
    else:
        # Without the data its classes are unknown: those of the contest stand in.
        class_names = (data.background, *(data.classes or [kind.name for kind in DEMO_KINDS]))

    def objects() -> ObjectBank:
        refuse_objects(data)
        if contest is not None and loaded.recipe.objects.bank is None:
            chosen_labels(loaded.recipe.objects, contest.train)
        return _stand_in(data.n_channels)

    context = Context(
        class_names=class_names,
        image_size=data.image_size,
        ignore_index=data.ignore_index,
        pixel_share=(1 / len(class_names),) * len(class_names),
        image_counts=(1,) * len(class_names),
        pretrained=False,
        objects=objects,
        report_missing=warnings.append,
        channels=data.n_channels,
    )
    problems: list[RecipeProblem] = []
    for path, kind, spec in component_specs(loaded.recipe):
        if KINDS[kind].inputs:
            continue  # its factory needs more than the context
        try:
            # On the meta device a network has shapes but no memory: even large ones build at once.
            with torch.device("meta"), ShapesOnly():
                made = registry.build(kind, spec, context)
                if kind == "metric":
                    _try_metric(metric_name(registry, spec), made, context)
                if kind == "submission_format" and contest is not None:
                    _check_sample(made, contest)
                if path == ("model",) and loaded.recipe.train.start is None:
                    warnings += filter(
                        None, [normalisation_warning(weights_normalisation(made), data)]
                    )
                if path == ("model",):
                    adapt_to_channels(made, context.channels)
                if kind == "model" and loaded.recipe.auxiliary:
                    _check_outputs(loaded.recipe, made, context)
        except TrashError as error:
            problems.append(
                _problem(loaded, blamed_key(loaded, path, error), error.message, error.hint)
            )
    return problems, warnings


def _check_sample(made: Any, contest: Contest) -> None:
    """Refuse a format that writes other columns or images than the contest's sample submission."""
    if contest.test is not None:
        row_order(contest.test.file_names, contest.sample_submission, made)


def _try_metric(name: str, metric: Any, context: Context) -> None:
    """Refuse a metric that cannot score an image that shows every class and is predicted right."""
    tried = checked(name, metric)
    tried(right_counts(np.ones((1, context.n_classes), np.int64), tried))


def _stand_in(channels: int) -> ObjectBank:
    """Return a bank of one object: a check cuts none out."""
    side = 8
    image = np.zeros((side, side, channels), np.uint8)
    alpha = np.full((side, side), 255, np.uint8)
    return MemoryBank((CutOut(image, alpha, label=1, file_name="", source_size=(side, side)),))


def _check_outputs(recipe: Recipe, network: Any, context: Context) -> None:
    """Refuse an [auxiliary] that does not fit what the network returns, where that can be seen."""
    size = (1, context.n_classes, *context.image_size)
    try:
        output = network.eval()(torch.zeros((1, context.channels, *context.image_size)))
        shapes = output_shapes(output, size, recipe.model.name)
    except Exception:
        # Not every network runs without memory; the run itself tries it on an image first.
        return
    check_outputs(recipe, shapes)
