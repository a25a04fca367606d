"""MixUp (Zhang et al. 2018, arXiv:1710.09412)."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from toolkit import Sample


class MixUp:
    """Blends image and partner: λ image + (1 − λ) partner, λ ~ Beta(alpha, alpha), rounded.

    Both masks are kept; λ is the share of the first in the loss and the same for a whole batch.
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
        share = float(batch_rng.beta(self._alpha, self._alpha))
        blended = cv2.addWeighted(sample.image, share, partner.image, 1 - share, 0)
        shaped = np.asarray(blended, dtype=np.uint8).reshape(sample.image.shape)
        return replace(
            sample,
            image=shaped,
            second_mask=partner.mask.copy(),
            share=share,
        )
