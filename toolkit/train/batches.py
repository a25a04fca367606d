"""The data of one training: caches opened, loaders made, and what the components may know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import Arrays, ArrayStore
from toolkit.data.augment import Pipeline, build_pipeline
from toolkit.data.contest import Contest
from toolkit.data.dataset import SampleSource
from toolkit.data.images import open_images
from toolkit.data.loader import Batch, TrainLoader, eval_loader, train_loader
from toolkit.data.masks import open_masks, open_resized
from toolkit.data.mixing import build_mixing
from toolkit.data.order import EpochOrder
from toolkit.data.split import Split
from toolkit.data.targets import DrawnTargets, FixedTargets, Targets
from toolkit.errors import UsageError
from toolkit.objects.object_bank import open_object_bank
from toolkit.plugin.interfaces import Context, ObjectBank
from toolkit.plugin.registry import Registry
from toolkit.recipe.schema import Recipe, Train
from toolkit.train.distributed import World
from toolkit.train.inputs import PseudoImages
from toolkit.wording import counted
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class Batches:
    """What the loop iterates over.

    Attributes:
        train: an epoch of training batches, each of what a device holds at once.
        validation: this process's share of the validation images, each once.
        accumulation: training batches per optimiser step.
        train_names: file names of the training images, by sample index.
        n_validation: validation images of all processes.
        context: what components may know of the run.
    """

    train: TrainLoader
    validation: Iterable[Batch]
    accumulation: int
    train_names: tuple[str, ...]
    n_validation: int
    context: Context


def open_batches(
    workspace: Workspace,
    recipe: Recipe,
    contest: Contest,
    *,
    cache: Path,
    world: World,
    pretrained: bool,
    pseudo: PseudoImages | None = None,
) -> Batches:
    """Decode (or find) the caches of all images and make the loaders.

    Raises:
        UsageError: sizes that do not divide, a split without images or without labelled pixels.
    """
    device_batch = device_batch_size(recipe.train, world.size)
    for split in (contest.train, contest.val):
        if not split.images:
            raise UsageError(f"the {split.name} split has no images")
    order = EpochOrder(
        n_real=len(contest.train),
        n_pseudo=len(pseudo.split) if pseudo else 0,
        mix=recipe.pseudo.mix if recipe.pseudo else "concat",
        ratio=recipe.pseudo.ratio if recipe.pseudo else 0.5,
        batch_size=recipe.train.batch_size,
    )
    opener = _Opener(workspace, recipe, contest, cache)
    if not world.is_main:
        world.barrier()  # the main process fills the caches alone
    images, masks = opener.images_and_masks(contest.train)
    shares = _pixel_shares(contest.train, masks.pixel_counts)
    val_images, val_masks = opener.images_and_masks(contest.val)
    _pixel_shares(contest.val, val_masks.pixel_counts)
    context = Context(
        class_names=contest.class_names,
        image_size=recipe.data.image_size,
        ignore_index=recipe.data.ignore_index,
        pixel_share=shares,
        image_counts=tuple(int(count) for count in masks.array_counts),
        epochs=recipe.train.epochs,
        steps_per_epoch=-(-len(order) // recipe.train.batch_size),
        pretrained=pretrained,
        objects=opener.objects,
        channels=recipe.data.n_channels,
    )
    sources = [opener.real(images, masks, context)]
    if pseudo:
        sources.append(opener.pseudo(pseudo, context))
    if world.is_main:
        world.barrier()
    train = train_loader(
        sources,
        order,
        mixing=build_mixing(recipe.augment.mix, workspace.registry, context),
        seed=recipe.seed,
        batch_size=recipe.train.batch_size,
        rank=world.rank,
        world_size=world.size,
        device_batch_size=device_batch,
        workers=recipe.data.workers,
    )
    validation = eval_loader(
        val_images,
        val_masks,
        batch_size=device_batch,
        rank=world.rank,
        world_size=world.size,
        workers=recipe.data.workers,
    )
    accumulation = recipe.train.batch_size // (device_batch * world.size)
    names = tuple(name for source in sources for name in source.file_names)
    return Batches(train, validation, accumulation, names, len(contest.val), context)


@dataclass(frozen=True)
class _Opener:
    """Opens images and labels of a recipe's data, from caches where they are there."""

    workspace: Workspace
    recipe: Recipe
    contest: Contest
    cache: Path

    def images(self, split: Split) -> Arrays:
        cache = self.cache if self.recipe.data.cache_images else None
        return open_images(split, cache, self.recipe.data.image_size, self.workspace.progress)

    def images_and_masks(self, split: Split) -> tuple[Arrays, ArrayStore]:
        masks = open_masks(split, self.cache, self.recipe.data.image_size, self.workspace.progress)
        return self.images(split), masks

    def real(self, images: Arrays, masks: Arrays, context: Context) -> SampleSource:
        steps = build_pipeline(self.recipe.augment.steps, self.workspace.registry, context)
        targets = FixedTargets(masks)
        return SampleSource(images, targets, steps, self.contest.train.file_names)

    def pseudo(self, images: PseudoImages, context: Context) -> SampleSource:
        masks = open_resized(
            images.masks, images.digest, self.cache, context.image_size, self.workspace.progress
        )
        targets: Targets = FixedTargets(masks)
        if images.maps is not None:
            targets = DrawnTargets(images.maps, masks, context.ignore_index)
        return SampleSource(
            self.images(images.split),
            targets,
            pseudo_pipeline(self.recipe, self.workspace.registry, context),
            images.split.file_names,
        )

    def objects(self) -> ObjectBank:
        return open_object_bank(
            self.recipe.objects,
            self.contest,
            cache=self.cache,
            project=self.workspace.project,
            progress=self.workspace.progress,
        )


def pseudo_pipeline(recipe: Recipe, registry: Registry, context: Context) -> Pipeline:
    """Return the steps for pseudo-labelled images: `pseudo.augment`, or those of real images.

    Real objects are pasted beside labels that may be wrong only where `pseudo.augment` says so.

    Raises:
        UsageError: an augmentation is unknown or has wrong parameters.
    """
    own = recipe.pseudo.augment if recipe.pseudo else None
    steps = recipe.augment.steps if own is None else own
    return build_pipeline(steps, registry, context, with_objects=own is not None)


def device_batch_size(train: Train, n_devices: int) -> int:
    """Return how many images a device holds at once.

    Raises:
        UsageError: the batch cannot be divided; names the nearest sizes that can.
    """
    at_once = (train.device_batch_size or 1) * n_devices
    if train.batch_size % at_once:
        below = train.batch_size // at_once * at_once
        valid = " or ".join(str(size) for size in (below, below + at_once) if size)
        pieces = (
            f"{counted(train.device_batch_size, 'image', 'images')} per device"
            if train.device_batch_size
            else "one image per device"
        )
        raise UsageError(
            f"train.batch_size = {train.batch_size} cannot be divided into steps of {pieces}"
            f" on {n_devices} {'device' if n_devices == 1 else 'devices'}",
            f"Nearest valid: train.batch_size = {valid}.",
        )
    return train.device_batch_size or train.batch_size // n_devices


def _pixel_shares(split: Split, counts: NDArray[np.int64]) -> tuple[float, ...]:
    total = int(counts.sum())
    if not total:
        raise UsageError(f"the {split.name} split has no labelled pixel: every one is ignored")
    return tuple(float(count) / total for count in counts)
