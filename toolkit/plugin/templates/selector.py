"""template_name: trust the pixels that are sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit import Component, Context, Prediction, UnitInterval, hookimpl


class SurePixels:
    """Keeps labels above a probability; rejects images with too few of them."""

    def __init__(self, threshold: float, least: float, ignore_index: int) -> None:
        self.threshold = threshold
        self.least = least
        self.ignore_index = ignore_index

    def __call__(self, prediction: Prediction) -> NDArray[np.uint8] | None:
        """Return labels (H, W), ignored where in doubt; None: not this image."""
        sure = prediction.probabilities.max(axis=0) >= self.threshold
        if sure.mean() < self.least:
            return None
        labels = np.where(sure, prediction.probabilities.argmax(axis=0), self.ignore_index)
        return labels.astype(np.uint8)


def make(
    context: Context, *, threshold: UnitInterval = 0.9, least: UnitInterval = 0.5
) -> SurePixels:
    """Make a selector by probability.

    Args:
        threshold: lowest probability of a trusted pixel.
        least: lowest share of trusted pixels in a trusted image.
    """
    return SurePixels(threshold, least, context.ignore_index)


@hookimpl
def trash_selectors() -> list[Component]:
    """Offer the selector under the name that recipes use."""
    return [Component("template_name", make, "trusts the pixels that are sure")]
