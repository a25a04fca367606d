"""The data of one training: caches opened, loaders made, and what the components may know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import Arrays, ArrayStore
from toolkit.data.augment import Pipeline, build_pipeline
from toolkit.data.contest import Contest
from toolkit.data.crops import Cropping, ImageWindows, MaskWindows, cover, refuse_objects
from toolkit.data.dataset import SampleSource
from toolkit.data.images import open_images
from toolkit.data.loader import Batch, TrainLoader, eval_loader, train_loader
from toolkit.data.masks import open_masks, open_resized
from toolkit.data.mixing import Mixing, build_mixing
from toolkit.data.order import EpochOrder
from toolkit.data.sampling import classes_of_images, open_draws, summary
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
        validation: this process's share of the validation images, each once, whole or in windows.
        accumulation: training batches per optimiser step.
        sources: images that are trained on, of each kind: real ones first.
        mixing: mixes of the training batches.
        train_names: file names of the training images, by sample index.
        n_validation: validation images of all processes.
        n_parts: how many pieces of them are evaluated.
        parts: what such a piece is, "images" or "windows".
        context: what components may know of the run.
    """

    train: TrainLoader
    validation: Iterable[Batch]
    accumulation: int
    sources: tuple[SampleSource, ...]
    mixing: Mixing
    train_names: tuple[str, ...]
    n_validation: int
    n_parts: int
    parts: str
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
    on_all = recipe.train.on == "all"
    order = EpochOrder(
        n_real=len(contest.train) + (len(contest.val) if on_all else 0),
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
    order = opener.resampled(order, [masks, val_masks] if on_all else [masks])
    _pixel_shares(contest.val, val_masks.pixel_counts)
    image_counts = masks.array_counts
    if on_all:
        shares = _pixel_shares(contest.train, masks.pixel_counts + val_masks.pixel_counts)
        image_counts = image_counts + val_masks.array_counts
    context = Context(
        class_names=contest.class_names,
        image_size=recipe.data.image_size,
        ignore_index=recipe.data.ignore_index,
        pixel_share=shares,
        image_counts=tuple(int(count) for count in image_counts),
        epochs=recipe.train.epochs,
        steps_per_epoch=-(-len(order) // recipe.train.batch_size),
        pretrained=pretrained,
        objects=opener.objects,
        channels=recipe.data.n_channels,
    )
    sources = [opener.real(contest.train, images, masks, context)]
    if on_all:
        sources.append(opener.real(contest.val, val_images, val_masks, context))
    if pseudo:
        sources.append(opener.pseudo(pseudo, context))
    if world.is_main:
        world.barrier()
    mixing = build_mixing(recipe.augment.mix, workspace.registry, context)
    train = train_loader(
        sources,
        order,
        mixing=mixing,
        seed=recipe.seed,
        batch_size=recipe.train.batch_size,
        rank=world.rank,
        world_size=world.size,
        device_batch_size=device_batch,
        workers=recipe.data.workers,
    )
    parts, part_masks, rows = opener.parts_of(contest.val, val_images, val_masks)
    validation = eval_loader(
        parts,
        part_masks,
        rows=rows,
        batch_size=device_batch,
        rank=world.rank,
        world_size=world.size,
        workers=recipe.data.workers,
    )
    accumulation = recipe.train.batch_size // (device_batch * world.size)
    names = tuple(name for source in sources for name in source.file_names)
    unit = "images" if rows is None else "windows"
    return Batches(
        train=train,
        validation=validation,
        accumulation=accumulation,
        sources=tuple(sources),
        mixing=mixing,
        train_names=names,
        n_validation=len(contest.val),
        n_parts=len(parts),
        parts=unit,
        context=context,
    )


@dataclass(frozen=True)
class _Opener:
    """Opens images and labels of a recipe's data, from caches where they are there."""

    workspace: Workspace
    recipe: Recipe
    contest: Contest
    cache: Path

    def images(self, split: Split) -> Arrays:
        cache = self.cache if self.recipe.data.cache_images else None
        return open_images(split, cache, self.recipe.data.decoded_size, self.workspace.progress)

    def images_and_masks(self, split: Split) -> tuple[Arrays, ArrayStore]:
        size = self.recipe.data.decoded_size
        masks = open_masks(split, self.cache, size, self.workspace.progress)
        return self.images(split), masks

    def parts_of(
        self, split: Split, images: Arrays, masks: Arrays
    ) -> tuple[Arrays, Arrays, list[int] | None]:
        """Return what a split is evaluated on, and the image of each part; None = whole images."""
        data = self.recipe.data
        if data.crops is None:
            return images, masks, None
        sizes = [(record.height, record.width) for record in split.images]
        windows = cover(sizes, data.image_size)
        return (
            ImageWindows(images, windows),
            MaskWindows(masks, windows, data.ignore_index),
            [place.row for place in windows],
        )

    def cropping(self, masks: ArrayStore) -> Cropping | None:
        data = self.recipe.data
        if data.crops is None:
            return None
        return Cropping(data.crops, data.image_size, data.ignore_index, masks.holds)

    def resampled(self, order: EpochOrder, masks: Sequence[ArrayStore]) -> EpochOrder:
        """Return the order with the recipe's sampling, having said what that does."""
        sampling, train = self.recipe.data.sampling, self.contest.train
        if sampling is None or (order.n_pseudo and order.mix == "only"):
            return order
        names = self.contest.class_names
        present = np.concatenate([classes_of_images(each) for each in masks])
        draws = open_draws(sampling, train, present, names, self.workspace.project)
        self.workspace.progress.say(summary(sampling, draws, present, names))
        return replace(order, draws=draws)

    def real(
        self, split: Split, images: Arrays, masks: ArrayStore, context: Context
    ) -> SampleSource:
        steps = build_pipeline(self.recipe.augment.steps, self.workspace.registry, context)
        targets = FixedTargets(masks)
        return SampleSource(images, targets, steps, split.file_names, self.cropping(masks))

    def pseudo(self, images: PseudoImages, context: Context) -> SampleSource:
        masks = images.masks
        if self.recipe.data.crops is None:
            masks = open_resized(
                masks, images.digest, self.cache, context.image_size, self.workspace.progress
            )
        targets: Targets = FixedTargets(masks)
        if images.maps is not None:
            targets = DrawnTargets(images.maps, masks, context.ignore_index)
        return SampleSource(
            self.images(images.split),
            targets,
            pseudo_pipeline(self.recipe, self.workspace.registry, context),
            images.split.file_names,
            self.cropping(images.masks),
        )

    def objects(self) -> ObjectBank:
        refuse_objects(self.recipe.data)
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
