"""Samples for torch: what one index gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from toolkit.data.array_store import Arrays
from toolkit.data.augment import Pipeline
from toolkit.errors import TrashError
from toolkit.plugin.interfaces import Sample

Item = tuple[NDArray[np.uint8], NDArray[np.uint8], int]
"""uint8 (H, W, 3) RGB, uint8 (H, W) labels (0 x 0 without masks), position in the split."""


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """Return the random generator of one sample in one epoch; it depends on nothing else."""
    return np.random.default_rng([seed, epoch, index])


class TrainDataset(Dataset[Item | TrashError]):
    """Augmented samples, asked for as (epoch, index) so that workers need not be told the epoch.

    A `TrashError` is returned, not raised: torch would hide it in the worker's traceback.
    """

    def __init__(
        self,
        images: Arrays,
        masks: Arrays,
        pipeline: Pipeline,
        file_names: Sequence[str],
        seed: int,
    ) -> None:
        self._images = images
        self._masks = masks
        self._pipeline = pipeline
        self._file_names = tuple(file_names)
        self._seed = seed

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, key: tuple[int, int]) -> Item | TrashError:
        epoch, index = key
        try:
            # Copies, because caches are read-only and an augmentation may write in place.
            sample = Sample(
                image=self._images[index].copy(),
                mask=self._masks[index].copy(),
                file_name=self._file_names[index],
            )
            sample = self._pipeline(sample, sample_rng(self._seed, epoch, index))
        except TrashError as error:
            return error
        return sample.image, sample.mask, index


class EvalDataset(Dataset[Item | TrashError]):
    """Samples as they are, by index; masks of 0 x 0 when there are none."""

    def __init__(self, images: Arrays, masks: Arrays | None) -> None:
        self._images = images
        self._masks = masks

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Item | TrashError:
        try:
            image = self._images[index]
        except TrashError as error:
            return error
        mask = np.empty((0, 0), np.uint8) if self._masks is None else self._masks[index]
        return image, mask, index


def stack(arrays: Sequence[NDArray[np.uint8]]) -> Tensor:
    """Stack arrays of one shape into a uint8 tensor."""
    return torch.from_numpy(np.stack(arrays))
