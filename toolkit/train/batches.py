"""The data of one training: caches opened, loaders made, and what the components may know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolkit.data.augment import build_pipeline
from toolkit.data.contest import Contest, Split
from toolkit.data.images import open_images
from toolkit.data.loader import Batch, TrainLoader, eval_loader, train_loader
from toolkit.data.masks import open_masks
from toolkit.data.mixing import build_mixing
from toolkit.errors import UsageError
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.progress import Progress
from toolkit.recipe.schema import Recipe, Train
from toolkit.train.distributed import World


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
    recipe: Recipe,
    registry: Registry,
    contest: Contest,
    *,
    cache: Path,
    world: World,
    pretrained: bool,
    progress: Progress,
) -> Batches:
    """Decode (or find) the caches of both splits and make the loaders.

    Raises:
        UsageError: sizes that do not divide, a split without images or without labelled pixels.
    """
    device_batch = device_batch_size(recipe.train, world.size)
    size = recipe.data.image_size
    for split in (contest.train, contest.val):
        if not split.images:
            raise UsageError(f"the {split.name} split has no images")
    if not world.is_main:
        world.barrier()  # the main process fills the caches alone
    image_cache = cache if recipe.data.cache_images else None
    opened = [
        (open_images(split, image_cache, size, progress), open_masks(split, cache, size, progress))
        for split in (contest.train, contest.val)
    ]
    if world.is_main:
        world.barrier()
    (train_images, train_masks), (val_images, val_masks) = opened
    shares = _pixel_shares(contest.train, train_masks.pixel_counts)
    _pixel_shares(contest.val, val_masks.pixel_counts)
    context = Context(
        class_names=contest.class_names,
        image_size=size,
        ignore_index=recipe.data.ignore_index,
        pixel_share=shares,
        image_counts=tuple(int(count) for count in train_masks.array_counts),
        epochs=recipe.train.epochs,
        steps_per_epoch=-(-len(contest.train) // recipe.train.batch_size),
        pretrained=pretrained,
    )
    train = train_loader(
        train_images,
        train_masks,
        build_pipeline(recipe.augment.train, registry, context),
        mixing=build_mixing(recipe.augment.mix, registry, context),
        file_names=contest.train.file_names,
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
    return Batches(
        train, validation, accumulation, contest.train.file_names, len(contest.val), context
    )


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
            f"{train.device_batch_size} images per device"
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
