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
from toolkit.data.crops import Cropping
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


class Draw(NamedTuple):
    """A sample of an epoch.

    Attributes:
        position: among the samples of all sources.
        earlier: how often it came before in the epoch, see `EpochOrder.earlier`.
    """

    position: int
    earlier: int = 0

    def generator(
        self, first: Stream, repeated: Stream, seed: int, epoch: int
    ) -> np.random.Generator:
        """Return the generator of this draw: each time that the sample comes has its own."""
        if not self.earlier:
            return generator(first, seed, epoch, self.position)
        return generator(repeated, seed, epoch, self.position, self.earlier)


class Key(NamedTuple):
    """Asks for one training sample.

    Attributes:
        epoch: counted from 1.
        step: optimiser step in the epoch, from 0.
        draw: the sample.
        partner: the sample that a mix would mix it with.
    """

    epoch: int
    step: int
    draw: Draw
    partner: Draw


@dataclass(frozen=True)
class SampleSource:
    """Training images of one kind, with their own augmentation.

    Attributes:
        images: uint8 (H, W, channels).
        targets: their labels, uint8 (H, W).
        pipeline: what is done to each sample.
        file_names: `file_name` of every image.
        cropping: draws the part of each image that is trained on; None = all of it.
    """

    images: Arrays
    targets: Targets
    pipeline: Pipeline
    file_names: tuple[str, ...]
    cropping: Cropping | None = None

    def sample(self, row: int, rng: np.random.Generator) -> Sample:
        """Return an image with its labels, not augmented; it may be written into."""
        image, mask = self.images[row], self.targets(row, rng)
        # Copies, because caches are read-only and an augmentation may write in place.
        if self.cropping is None:
            image, mask = image.copy(), mask.copy()
        else:
            image, mask = self.cropping(image, mask, row, rng)
        return Sample(image, mask, self.file_names[row])


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
        augmented: dict[tuple[int, Draw], Sample] = {}
        try:
            return [LoadedSample(self._sample(key, augmented), key.draw.position) for key in keys]
        except TrashError as error:
            return [error]

    def _sample(self, key: Key, augmented: dict[tuple[int, Draw], Sample]) -> Sample:
        own = self._augment(key.epoch, key.draw, augmented)
        chosen = self._mixing.choose(self._seed, key.epoch, key.step)
        if chosen is None:
            return own
        partner = self._augment(key.epoch, key.partner, augmented)
        return mix_samples(
            chosen,
            own,
            partner,
            rng=key.draw.generator(Stream.MIX_SAMPLE, Stream.REPEATED_MIX, self._seed, key.epoch),
            batch_rng=generator(Stream.MIX_BATCH, self._seed, key.epoch, key.step),
        )

    def _place(self, position: int) -> tuple[SampleSource, int]:
        """Return the source of a sample and its place there."""
        for source in self._sources:
            if position < len(source.images):
                return source, position
            position -= len(source.images)
        raise IndexError(position)

    def _augment(self, epoch: int, draw: Draw, augmented: dict[tuple[int, Draw], Sample]) -> Sample:
        if (epoch, draw) not in augmented:
            source, row = self._place(draw.position)
            rng = draw.generator(Stream.SAMPLE, Stream.REPEATED_SAMPLE, self._seed, epoch)
            sample = source.pipeline(source.sample(row, rng), rng)
            if self._mixing.steps:
                # It may be the partner of another sample of the batch: a mix must not write into
                # it.
                sample.image.flags.writeable = sample.mask.flags.writeable = False
            augmented[epoch, draw] = sample
        return augmented[epoch, draw]


class EvalDataset(Dataset[LoadedSample | TrashError]):
    """Samples as they are, by index; masks of 0 x 0 when there are none.

    Args:
        images: uint8 RGB.
        masks: their labels, if there are any.
        rows: position of the photo that each sample is a part of; None = they are whole photos.
    """

    def __init__(
        self, images: Arrays, masks: Arrays | None, rows: Sequence[int] | None = None
    ) -> None:
        self._images = images
        self._masks = masks
        self._rows = range(len(images)) if rows is None else rows

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> LoadedSample | TrashError:
        try:
            image = self._images[index]
        except TrashError as error:
            return error
        mask = np.empty((0, 0), np.uint8) if self._masks is None else self._masks[index]
        return LoadedSample(Sample(image, mask), self._rows[index])


def stack(arrays: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Stack arrays of one shape into a uint8 tensor."""
    return torch.from_numpy(np.stack(arrays))
