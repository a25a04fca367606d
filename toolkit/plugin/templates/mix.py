"""template_name: an upright strip of the partner."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit import Component, Context, Sample, UnitInterval, hookimpl


class Strip:
    """Pastes columns of the partner, image and labels, at a random place."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        """Return a changed copy; `rng` is the sample's own, `batch_rng` that of its batch."""
        columns = sample.mask.shape[1]
        width = round(self.share * columns)
        start = int(rng.integers(columns - width + 1))
        image, mask = sample.image.copy(), sample.mask.copy()
        image[:, start : start + width] = partner.image[:, start : start + width]
        mask[:, start : start + width] = partner.mask[:, start : start + width]
        return replace(sample, image=image, mask=mask)


def make(context: Context, *, share: UnitInterval = 0.3) -> Strip:
    """Make a strip of the partner.

    Args:
        share: width of the strip, share of the image's.
    """
    return Strip(share)


@hookimpl
def trash_mixes() -> list[Component]:
    """Offer the mix under the name that recipes use."""
    return [Component("template_name", make, "strip of the partner")]
