"""The labels that a training sample is to be taught, at the size of the network's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import Arrays
from toolkit.data.masks import resize_mask


class Targets(Protocol):
    """Labels by position, uint8 (H, W); `rng` belongs to the sample. Must be picklable."""

    def __call__(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]: ...


class Maps(Protocol):
    """Probability maps by position: float32 (C, H, W), summing to 1 over C."""

    def read(self, position: int) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class FixedTargets:
    """The same labels in every epoch.

    Attributes:
        masks: uint8 labels of any size.
        size: (height, width) that they are resized to by nearest neighbour.
    """

    masks: Arrays
    size: tuple[int, int]

    def __call__(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        return resize_mask(self.masks[position], self.size)


@dataclass(frozen=True)
class DrawnTargets:
    """Soft labels: every pixel's label is drawn from its probabilities, anew in every epoch.

    A loss that adds up over pixels and is linear in the one-hot target, as cross entropy and the
    focal loss are, has the soft target's value and gradient on average; the sums of a region loss
    come close to theirs, as they run over many pixels. So soft labels work with every loss,
    augmentation and mix that takes labels.

    Attributes:
        maps: probabilities, of the masks' sizes.
        masks: uint8 labels, `ignore_index` where nothing is trusted: such pixels stay ignored.
        size: (height, width) that the labels are resized to by nearest neighbour.
        ignore_index: label of pixels that count for nothing.
    """

    maps: Maps
    masks: Arrays
    size: tuple[int, int]
    ignore_index: int

    def __call__(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        probabilities = self.maps.read(position)
        chance = rng.random(probabilities.shape[1:], dtype=np.float32)
        labels = np.zeros(chance.shape, np.uint8)
        # The label is the number of classes whose shares lie wholly below the chance.
        below = np.zeros(chance.shape, np.float32)
        for plane in probabilities[:-1]:
            below += plane
            labels += chance >= below
        labels[self.masks[position] == self.ignore_index] = self.ignore_index
        return resize_mask(labels, self.size)
