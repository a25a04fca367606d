"""Checks before the first stage of what would otherwise fail after hours of training."""

from __future__ import annotations

from pathlib import Path

from toolkit.data.augment import build_pipeline
from toolkit.data.crops import refuse_objects
from toolkit.data.images import open_images
from toolkit.data.masks import open_masks
from toolkit.data.photo_rules import require_decodable
from toolkit.data.stored_values import range_warning
from toolkit.ensemble.combine import probe_ensembler
from toolkit.errors import TrashError, UsageError
from toolkit.experiment.execution.submit import plan_submission
from toolkit.experiment.output_dirs import OutputDirs
from toolkit.experiment.planning.plan import Labelling, Stage, Training
from toolkit.experiment.run_folder import RunFolder
from toolkit.metrics.scores import build_metrics, why_undecided
from toolkit.objects.object_bank import open_object_bank
from toolkit.plugin.interfaces import Context, ObjectBank
from toolkit.plugin.registry import Registry
from toolkit.postprocess.chain import build_chain
from toolkit.progress import Progress
from toolkit.pseudo.exchange import require_readable
from toolkit.pseudo.make import context_of, file_of
from toolkit.pseudo.select import build_selection
from toolkit.recipe.components import missing_packages
from toolkit.recipe.error_location import with_location
from toolkit.recipe.problems import RecipeError
from toolkit.train.artifacts import Artifacts
from toolkit.train.batches import device_batch_size
from toolkit.train.device import choose_device
from toolkit.workspace import Workspace


def preflight_training(
    workspace: Workspace, stage: Training, dirs: OutputDirs, *, devices: int
) -> None:
    """Refuse a training that would fail later; makes the object bank that its augmentation needs.

    Raises:
        UsageError: there are fewer devices, the batch cannot be divided among them, the package of
            a component is missing, the recipe's way to combine, postprocess or write does not fit,
            or there are no objects to paste.
    """
    recipe, contest = stage.recipe, stage.contest
    choose_device(recipe.train.device, local_rank=devices - 1)
    device_batch_size(recipe.train, devices)
    missing = missing_packages(recipe, stage.loaded.layers, workspace.registry)
    if missing:
        raise RecipeError(stage.loaded.path, missing)
    if contest.test is not None:
        try:
            plan_submission(recipe, contest, workspace.registry, n_members=1 + len(stage.members))
        except TrashError as error:
            raise with_location(error, stage.loaded) from error.__cause__

    def objects() -> ObjectBank:
        refuse_objects(recipe.data)
        return open_object_bank(
            recipe.objects,
            contest,
            cache=dirs.cache,
            project=workspace.project,
            progress=workspace.progress,
        )

    context = Context(
        contest.class_names,
        recipe.data.image_size,
        recipe.data.ignore_index,
        objects=objects,
        channels=recipe.data.n_channels,
    )
    own = recipe.pseudo.augment if recipe.pseudo else None
    try:
        for steps in (recipe.augment.steps, own or ()):
            build_pipeline(steps, workspace.registry, context)
    except TrashError as error:
        raise with_location(error, stage.loaded) from error.__cause__


def require_resumable(stage: Training, run: RunFolder) -> None:
    """Refuse to continue a run with other settings or data, before the stages that it needs.

    Raises:
        UsageError: lists what differs.
    """
    if run.has_epochs:
        Artifacts(run.path, stage.recipe, stage.contest, {}, stage.keys).read_state()


def preflight_labelling(stage: Labelling, registry: Registry) -> None:
    """Refuse a pseudo-label set whose selection, combination or file of labels cannot work.

    Raises:
        UsageError: a component does not fit, a list names images that are not there, or a file of
            labels is in another format.
    """
    context = context_of(stage.unlabelled, stage.recipe)
    build_selection(stage.pseudo.select, registry, context).expect(stage.unlabelled.file_names)
    file_of(stage.pseudo, stage.recipe, registry, context)
    build_chain(stage.pseudo.postprocess, registry, context)
    if stage.file is not None:
        require_readable(stage.file, stage.unlabelled, stage.recipe, registry)
    if stage.teachers:
        ensembler = registry.build("ensembler", stage.pseudo.ensemble, context)
        probe_ensembler(ensembler, context.n_classes, len(stage.teachers))


def why_undecided_by(workspace: Workspace, stage: Training, cache: Path) -> str | None:
    """Return why the recipe's metric can choose no epoch of a training; None = it can.

    Raises:
        TrashError: the metric fails, or an outline cannot be read.
    """
    recipe, val = stage.recipe, stage.contest.val
    if recipe.train.on == "all":
        return None  # nothing is scored
    folds = recipe.data.folds
    images = val.name if folds is None else f"fold {folds.index}"
    context = Context(stage.contest.class_names, recipe.data.image_size, recipe.data.ignore_index)
    masks = open_masks(val, cache, recipe.data.decoded_size, workspace.progress)
    try:
        metrics = build_metrics(workspace.registry, recipe.metric, context)
        return why_undecided(metrics, masks.label_counts, images)
    except TrashError as error:
        raise with_location(error, stage.loaded) from error.__cause__


def preflight_metric(workspace: Workspace, stage: Training, cache: Path) -> None:
    """Refuse a training whose validation images have no score by the recipe's metric.

    Raises:
        UsageError: it is so.
        TrashError: the metric fails, or an outline cannot be read.
    """
    reason = why_undecided_by(workspace, stage, cache)
    if reason is not None:
        fault = UsageError(
            reason,
            "Choose another [metric], other classes for it, or validation images that show them.",
            parameter="metric",
        )
        raise with_location(fault, stage.loaded)


def preflight_photos(stage: Stage, cache: Path, progress: Progress) -> None:
    """Refuse a stage with a photo or an outline that cannot be read; keep what is decoded.

    Raises:
        UsageError: names them.
    """
    if isinstance(stage, Labelling):
        require_decodable(stage.unlabelled, progress)
        return
    data, contest = stage.recipe.data, stage.contest
    for split in (contest.train, contest.val):
        masks = open_masks(split, cache, data.decoded_size, progress)
        if not masks.pixel_counts[1:].any():
            progress.say(
                f"warning: {split.file}: no image of {split.name} shows a class other than "
                f"{contest.class_names[0]}; is it the file of other images?"
            )
        if not data.cache_images:
            require_decodable(split.source or split, progress)
        images = open_images(
            split, cache if data.cache_images else None, data.decoded_size, progress
        )
        if data.value_range is not None and split is contest.train:
            warning = range_warning(images, data.value_range, split.name)
            if warning is not None:
                progress.say(f"warning: {warning}")
    if contest.test is not None:
        require_decodable(contest.test, progress)
