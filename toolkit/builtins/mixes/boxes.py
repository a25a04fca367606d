"""CutMix (Yun et al. 2019, arXiv:1905.04899): a box of the partner replaces that of the sample."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import cv2
import numpy as np

from toolkit import Sample


class RandomBox:
    """Pastes a box of height √(1 − λ) H and width √(1 − λ) W, λ ~ Beta(alpha, alpha).

    Its centre is uniform over the image; what would lie outside is cut off, as in the paper.
    """

    def __init__(self, alpha: float) -> None:
        self._alpha = alpha

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        side = sqrt(1 - rng.beta(self._alpha, self._alpha))
        box = []
        for length in sample.mask.shape:
            part = round(side * length)
            start = int(rng.integers(length)) - part // 2
            box.append(slice(max(start, 0), max(start + part, 0)))
        return paste_box(sample, partner, (box[0], box[1]))


class TopHalf:
    """Pastes the upper half of the partner."""

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        return paste_box(sample, partner, (slice(0, sample.mask.shape[0] // 2), slice(None)))


class ForegroundBox:
    """Pastes a box that lies anywhere inside the bounding box of the partner's foreground.

    Its sides are √(1 − λ) times those of the bounding box, λ ~ Beta(alpha, alpha). (The original
    swapped rows and columns, and so pasted its box beside the foreground.) Background and ignored
    pixels are no foreground; a partner without any leaves the sample as it is.
    """

    def __init__(self, alpha: float, ignore_index: int) -> None:
        self._alpha = alpha
        self._ignore_index = ignore_index

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        foreground = (partner.mask != 0) & (partner.mask != self._ignore_index)
        left, top, width, height = cv2.boundingRect(foreground.view(np.uint8))
        if width == 0:
            return sample
        side = sqrt(1 - rng.beta(self._alpha, self._alpha))
        box = []
        for start, length in ((top, height), (left, width)):
            part = max(1, round(side * length))
            first = start + int(rng.integers(length - part + 1))
            box.append(slice(first, first + part))
        return paste_box(sample, partner, (box[0], box[1]))


def paste_box(sample: Sample, partner: Sample, box: tuple[slice, slice]) -> Sample:
    """Return the sample with the rows and columns of `box` from the partner, image and labels."""
    image, mask = sample.image.copy(), sample.mask.copy()
    image[box] = partner.image[box]
    mask[box] = partner.mask[box]
    return replace(sample, image=image, mask=mask)
