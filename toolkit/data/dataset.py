"""Torch datasets of training and evaluation samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from toolkit.data.array_store import Arrays
from toolkit.data.augment import Pipeline
from toolkit.data.mixing import Mixing, mix_samples
from toolkit.data.targets import Targets
from toolkit.errors import TrashError
from toolkit.plugin.interfaces import Sample
from toolkit.seeds import Stream, generator


class LoadedSample(NamedTuple):
    """One sample as the loader collects it into a batch.

    Attributes:
        sample: its mask is 0 x 0 in a split without labels.
        position: among the samples of all sources.
    """

    sample: Sample
    position: int


class Key(NamedTuple):
    """Asks for one training sample.

    Attributes:
        epoch: counted from 1.
        step: optimiser step in the epoch, from 0.
        position: of the sample among those of all sources.
        partner: position of the sample that a mix would mix it with.
    """

    epoch: int
    step: int
    position: int
    partner: int


@dataclass(frozen=True)
class SampleSource:
    """Training images of one kind, with their own augmentation.

    Attributes:
        images: uint8 (H, W, channels).
        targets: their labels, uint8 (H, W).
        pipeline: what is done to each sample.
        file_names: `file_name` of every image.
    """

    images: Arrays
    targets: Targets
    pipeline: Pipeline
    file_names: tuple[str, ...]


class TrainDataset(Dataset[LoadedSample | TrashError]):
    """Augmented samples of all sources, by `Key`: it holds the epoch, which workers do not know.

    A `TrashError` is returned, not raised: torch would hide it in the worker's traceback.
    """

    def __init__(
        self,
        sources: Sequence[SampleSource],
        mixing: Mixing,
        seed: int,
    ) -> None:
        self._sources = tuple(sources)
        self._mixing = mixing
        self._seed = seed

    def __len__(self) -> int:
        return sum(len(source.images) for source in self._sources)

    def __getitem__(self, key: Key) -> LoadedSample | TrashError:
        return self.__getitems__([key])[0]

    def __getitems__(self, keys: Sequence[Key]) -> list[LoadedSample | TrashError]:
        """Return the samples of one device batch; partners inside it are augmented only once."""
        augmented: dict[tuple[int, int], Sample] = {}
        try:
            return [LoadedSample(self._sample(key, augmented), key.position) for key in keys]
        except TrashError as error:
            return [error]

    def _sample(self, key: Key, augmented: dict[tuple[int, int], Sample]) -> Sample:
        own = self._augment(key.epoch, key.position, augmented)
        chosen = self._mixing.choose(self._seed, key.epoch, key.step)
        if chosen is None:
            return own
        partner = self._augment(key.epoch, key.partner, augmented)
        return mix_samples(
            chosen,
            own,
            partner,
            seed=self._seed,
            epoch=key.epoch,
            step=key.step,
            index=key.position,
        )

    def _place(self, position: int) -> tuple[SampleSource, int]:
        """Return the source of a sample and its place there."""
        for source in self._sources:
            if position < len(source.images):
                return source, position
            position -= len(source.images)
        raise IndexError(position)

    def _augment(self, epoch: int, index: int, augmented: dict[tuple[int, int], Sample]) -> Sample:
        if (epoch, index) not in augmented:
            source, row = self._place(index)
            rng = generator(Stream.SAMPLE, self._seed, epoch, index)
            # Copies, because caches are read-only and an augmentation may write in place.
            sample = Sample(
                image=source.images[row].copy(),
                mask=source.targets(row, rng).copy(),
                file_name=source.file_names[row],
            )
            sample = source.pipeline(sample, rng)
            if self._mixing.steps:
                # It may be the partner of another sample of the batch: a mix must not write into
                # it.
                sample.image.flags.writeable = sample.mask.flags.writeable = False
            augmented[epoch, index] = sample
        return augmented[epoch, index]


class EvalDataset(Dataset[LoadedSample | TrashError]):
    """Samples as they are, by index; masks of 0 x 0 when there are none."""

    def __init__(self, images: Arrays, masks: Arrays | None) -> None:
        self._images = images
        self._masks = masks

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> LoadedSample | TrashError:
        try:
            image = self._images[index]
        except TrashError as error:
            return error
        mask = np.empty((0, 0), np.uint8) if self._masks is None else self._masks[index]
        return LoadedSample(Sample(image, mask), index)


def stack(arrays: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Stack arrays of one shape into a uint8 tensor."""
    return torch.from_numpy(np.stack(arrays))
