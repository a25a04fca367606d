"""ClassMix (Olsson et al. 2021, arXiv:2007.07936)."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import cv2
import numpy as np

from toolkit import Sample

_ROUNDING = 1e-9
"""0.07 × 100 is a little above 7 in floating point."""


class ClassMix:
    """Pastes the pixels of a random share of the labels that the partner holds.

    The background is a label like others, as in the paper; ignored pixels stay behind.

    Args:
        share: of the partner's labels, rounded up.
        ignore_index: label of pixels that are never pasted.
    """

    def __init__(self, share: float, ignore_index: int) -> None:
        self._share = share
        self._ignore_index = ignore_index

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        counts = np.bincount(partner.mask.ravel(), minlength=256)
        counts[self._ignore_index] = 0
        labels = np.flatnonzero(counts)
        n_chosen = ceil(self._share * len(labels) - _ROUNDING)
        chosen = np.zeros(256, dtype=np.uint8)
        chosen[rng.choice(labels, n_chosen, replace=False)] = 1
        taken = cv2.LUT(partner.mask, chosen)
        image = cv2.copyTo(partner.image, taken, sample.image.copy())
        mask = cv2.copyTo(partner.mask, taken, sample.mask.copy())
        return replace(sample, image=np.asarray(image, np.uint8), mask=np.asarray(mask, np.uint8))
