"""Batches: the same ones for a seed and an epoch, whatever the workers, ranks or interruptions."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple

import cv2
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from toolkit.data.array_store import Arrays
from toolkit.data.dataset import (
    Draw,
    EvalDataset,
    Key,
    LoadedSample,
    SampleSource,
    TrainDataset,
    stack,
)
from toolkit.data.mixing import Mixing, partner_shift
from toolkit.data.order import EpochOrder
from toolkit.errors import TrashError, UsageError
from toolkit.lifetime import end_with_parent
from toolkit.memory import keep_freed_memory
from toolkit.wording import counted


class Batch(NamedTuple):
    """Samples that one device takes at once.

    Attributes:
        images: uint8 (B, channels, H, W), in channels-last memory format.
        masks: uint8 (B, H, W) labels; (B, 0, 0) when the split has none.
        indices: int64 (B,), positions in the split.
        second_masks: uint8 (B, H, W), labels that the images hold as well; None when not mixed.
        share: weight of `masks` in the loss, 0…1; `second_masks` have the rest.
    """

    images: Tensor
    masks: Tensor
    indices: Tensor
    second_masks: Tensor | None = None
    share: float = 1.0


class EpochSampler(Sampler[list[Key]]):
    """Device batches of one rank."""

    def __init__(
        self,
        order: EpochOrder,
        *,
        seed: int,
        batch_size: int,
        rank: int,
        world_size: int,
        device_batch_size: int,
    ) -> None:
        if batch_size % (device_batch_size * world_size):
            raise UsageError(
                f"train.batch_size = {batch_size} is not a multiple of "
                f"{counted(device_batch_size, 'image', 'images')} on each of {world_size} devices",
                "Change train.batch_size or train.device_batch_size.",
            )
        self.epoch = 0
        self._order = order
        self._seed = seed
        self._batch_size = batch_size
        self._rank = rank
        self._world_size = world_size
        self._device_batch_size = device_batch_size
        self.steps_per_epoch = -(-len(order) // batch_size)
        self.images_per_epoch = len(order)

    def __len__(self) -> int:
        per_step = self._batch_size // (self._device_batch_size * self._world_size)
        return self.steps_per_epoch * per_step

    def __iter__(self) -> Iterator[list[Key]]:
        order = self._order(self._seed, self.epoch)
        earlier = self._order.earlier(order)
        size = self._batch_size
        share = size // self._world_size
        for step in range(self.steps_per_epoch):
            begin = step * size
            batch = [
                Draw(order[place % len(order)], earlier[place % len(order)])
                for place in range(begin, begin + size)
            ]
            shift = partner_shift(size, self._seed, self.epoch, step)
            keys = [
                Key(self.epoch, step, draw, batch[(place + shift) % size])
                for place, draw in enumerate(batch)
            ]
            mine = keys[self._rank * share : (self._rank + 1) * share]
            for first in range(0, share, self._device_batch_size):
                yield mine[first : first + self._device_batch_size]


class TrainLoader:
    """Endless epochs of training batches.

    Attributes:
        steps_per_epoch: optimiser steps in one epoch, ceil(samples of the epoch / batch size).
        images_per_epoch: samples of the epoch, without those that fill up its last batch.
    """

    def __init__(self, dataset: TrainDataset, sampler: EpochSampler, workers: int) -> None:
        self._dataset = dataset
        self._sampler = sampler
        self._loader = _loader(dataset, batch_sampler=sampler, workers=workers)
        self.steps_per_epoch = sampler.steps_per_epoch
        self.images_per_epoch = sampler.images_per_epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration gives; call it before every one."""
        self._sampler.epoch = epoch

    def step(self, epoch: int, step: int) -> Batch:
        """Return what this rank gets for one optimiser step, all at once, loaded in this process.

        Args:
            epoch: counted from 1.
            step: counted from 0.

        Raises:
            TrashError: a photo cannot be read, or an augmentation or a mix failed.
        """
        self.set_epoch(epoch)
        parts = len(self._sampler) // self.steps_per_epoch
        keys = chain.from_iterable(islice(self._sampler, step * parts, (step + 1) * parts))
        batch = _collate(self._dataset.__getitems__(list(keys)))
        if isinstance(batch, TrashError):
            raise batch
        return batch

    def __len__(self) -> int:
        return len(self._sampler)

    def __iter__(self) -> Iterator[Batch]:
        return _unwrap(self._loader)


class EvalLoader:
    """Every image of a rank's share once, in order."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loader = loader

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[Batch]:
        return _unwrap(self._loader)


def train_loader(
    sources: Sequence[SampleSource],
    order: EpochOrder,
    *,
    mixing: Mixing = Mixing(),  # noqa: B008 - frozen
    seed: int,
    batch_size: int,
    rank: int,
    world_size: int,
    device_batch_size: int,
    workers: int,
) -> TrainLoader:
    """Return the training batches of one rank.

    Each group of `batch_size` images is divided among the ranks, and each rank's share into
    batches of `device_batch_size`. The last group of an epoch is filled up with the epoch's first
    samples. What an epoch holds depends on (seed, epoch) alone.

    Args:
        sources: images of each kind, in the order of their positions.
        order: positions of an epoch's samples.
        mixing: mixes of a sample with another one of its batch.
        seed: of the order, the augmentation and the mixes.
        batch_size: images per optimiser step.
        rank: of this process.
        world_size: number of processes.
        device_batch_size: images that a device holds at once.
        workers: loader processes; at most one per core is started.

    Raises:
        UsageError: `batch_size` is not a multiple of `device_batch_size * world_size`.
    """
    sampler = EpochSampler(
        order,
        seed=seed,
        batch_size=batch_size,
        rank=rank,
        world_size=world_size,
        device_batch_size=device_batch_size,
    )
    dataset = TrainDataset(sources, mixing, seed)
    return TrainLoader(dataset, sampler, workers)


def eval_loader(
    images: Arrays,
    masks: Arrays | None,
    *,
    rows: Sequence[int] | None = None,
    batch_size: int,
    rank: int,
    world_size: int,
    workers: int,
) -> EvalLoader:
    """Return every `world_size`-th image from `rank` on, in order, none twice and none left out.

    All arrays must have one size; without `masks` the batches carry empty ones. With `rows`, images
    are parts of photos, and the batches carry the positions of these.
    """
    indices = range(rank, len(images), world_size)
    batches = [
        list(indices[first : first + batch_size]) for first in range(0, len(indices), batch_size)
    ]
    return EvalLoader(
        _loader(EvalDataset(images, masks, rows), batch_sampler=batches, workers=workers)
    )


def _loader(dataset: Any, *, batch_sampler: Any, workers: int) -> DataLoader[Any]:
    # More would only wait for each other; torch warns of it. Batches do not depend on their number.
    workers = min(workers, _usable_cores())
    return DataLoader(
        dataset,
        batch_sampler=batch_sampler,
        num_workers=workers,
        collate_fn=_collate,
        worker_init_fn=partial(_start_worker, parent=os.getpid()),
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def _usable_cores() -> int:
    if hasattr(
        os, "sched_getaffinity"
    ):  # a container or a scheduler may allow fewer than there are
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker(worker: int, parent: int) -> None:
    # torch looks for its parent between batches only: a stuck augmentation would stay for ever.
    end_with_parent(parent)
    # Several workers with several threads each would fight for the cores.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_memory()
    # Ctrl-C reaches every process of the terminal; the parent ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _collate(items: Sequence[LoadedSample | TrashError]) -> Batch | TrashError:
    samples, indices = [], []
    for item in items:
        if isinstance(item, TrashError):
            return item
        samples.append(item.sample)
        indices.append(item.position)
    shares = {sample.share for sample in samples if sample.second_mask is not None}
    if len(shares) > 1:
        return TrashError(
            f"a mix gave the samples of one batch {len(shares)} shares; all samples of a batch "
            "have one share",
            "Draw the share from batch_rng, which is the same for all of them.",
        )
    second = None
    if shares:
        # A sample that was left alone holds its own labels twice.
        masks = [s.mask if s.second_mask is None else s.second_mask for s in samples]
        second = stack(masks)
    return Batch(
        images=stack([sample.image for sample in samples]).permute(0, 3, 1, 2),
        masks=stack([sample.mask for sample in samples]),
        indices=torch.tensor(indices, dtype=torch.int64),
        second_masks=second,
        share=shares.pop() if shares else 1.0,
    )


def _unwrap(loader: DataLoader[Any]) -> Iterator[Batch]:
    try:
        for batch in loader:
            if isinstance(batch, TrashError):
                try:
                    raise batch
                finally:
                    # A frame that holds the error that holds the frame would keep the workers
                    # alive until a garbage collection that torch's shutdown does not survive.
                    del batch
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrashError(
            f"a loader process died: {error}",
            "Often memory ran out: lower data.workers or train.batch_size.",
        ) from error
