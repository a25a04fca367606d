"""Training labels at the size of the network's input: fixed ones, or drawn from probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from toolkit.data.array_store import Arrays
from toolkit.data.resize import random_places


class Targets(Protocol):
    """Labels by position, uint8 (H, W); `rng` belongs to the sample. Must be picklable."""

    def __call__(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]: ...


class ProbabilityMaps(Protocol):
    """Probability maps by position: float32 (C, H, W), summing to 1 over C."""

    def read(self, position: int) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class FixedTargets:
    """The same labels in every epoch.

    Attributes:
        masks: uint8 labels at the size of the network's input.
    """

    masks: Arrays

    def __call__(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        return self.masks[position]


@dataclass(frozen=True)
class DrawnTargets:
    """Soft labels: every pixel's label is drawn from its probabilities, again in every epoch.

    A loss that adds up over pixels and is linear in the one-hot target, as cross entropy and the
    focal loss are, has the soft target's value and gradient on average; the sums of a region loss
    come close to theirs, as they run over many pixels. So soft labels work with every loss,
    augmentation and mix that takes labels.

    Attributes:
        maps: probabilities of any size; of those that a pixel covers, one is drawn with the label.
        masks: uint8 labels at the size of the network's input, `ignore_index` where nothing is
            trusted: such pixels stay ignored.
        ignore_index: label of pixels that count for nothing.
    """

    maps: ProbabilityMaps
    masks: Arrays
    ignore_index: int

    def __call__(self, position: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        mask = self.masks[position]
        size = mask.shape[0], mask.shape[1]
        probabilities = self.maps.read(position)
        native = probabilities.shape[1], probabilities.shape[2]
        places = None if native == size else random_places(native, size, rng)
        chance = rng.random(size, dtype=np.float32)
        labels = np.zeros(size, np.uint8)
        # The label is the number of classes whose shares lie wholly below the chance.
        below = np.zeros(size, np.float32)
        for plane in probabilities[:-1]:
            below += plane if places is None else plane.take(places)
            labels += chance >= below
        labels[mask == self.ignore_index] = self.ignore_index
        return labels
