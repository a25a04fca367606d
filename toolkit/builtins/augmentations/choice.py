"""One of several augmentations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit import Sample
from toolkit.plugin.interfaces import Augmentation


class OneOf:
    """Applies exactly one of its augmentations, chosen by weight."""

    def __init__(self, choices: Sequence[tuple[float, Augmentation]]) -> None:
        weights = np.array([weight for weight, _ in choices], dtype=np.float64)
        self._probabilities = weights / weights.sum()
        self._augmentations = [augmentation for _, augmentation in choices]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        chosen = int(rng.choice(len(self._augmentations), p=self._probabilities))
        return self._augmentations[chosen](sample, rng)
