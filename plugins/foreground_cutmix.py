"""foreground_cutmix: a box of fixed size out of the partner's foreground.

Hongyeob Kim's CutMix as it was at last: the box took 0.9 of the sides of the partner's foreground,
where the built-in `cutmix` with `mode = "foreground"` draws its share anew each time, as he did at
first. (His code exchanged rows and columns, so that the box lay beside the foreground; here it lies
on it.) Used by recipes/hongyeob_kim/effib3_unet_fixed_box.toml, and in any recipe with

    [[augment.mix]]
    name = "foreground_cutmix"
    side = 0.9
    p = 0.5

`p` is every mix's own: the probability that a batch is mixed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toolkit import Component, Context, Sample, hookimpl

Side = Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class ForegroundCutMix:
    """Pastes a box that lies anywhere inside the bounding box of the partner's foreground.

    Background and ignored pixels are no foreground; a partner without any changes
    nothing.

    Args:
        side: sides of the box / those of the bounding box.
        ignore_index: label of ignored pixels.
    """

    side: float
    ignore_index: int

    def __call__(
        self,
        sample: Sample,
        partner: Sample,
        rng: np.random.Generator,
        batch_rng: np.random.Generator,
    ) -> Sample:
        """Return a changed copy; `rng` is the sample's own, `batch_rng` that of its batch."""
        foreground = (partner.mask != 0) & (partner.mask != self.ignore_index)
        if not foreground.any():
            return sample
        rows, columns = (self._part(foreground.any(axis=axis), rng) for axis in (1, 0))
        image, mask = sample.image.copy(), sample.mask.copy()
        image[rows, columns] = partner.image[rows, columns]
        mask[rows, columns] = partner.mask[rows, columns]
        return replace(sample, image=image, mask=mask)

    def _part(self, occupied: NDArray[np.bool_], rng: np.random.Generator) -> slice:
        """Return a random part, `side` long, of the rows or columns that are occupied."""
        places = np.flatnonzero(occupied)
        first, length = int(places[0]), int(places[-1] - places[0]) + 1
        part = max(1, round(self.side * length))
        start = first + int(rng.integers(length - part + 1))
        return slice(start, start + part)


def foreground_cutmix(context: Context, *, side: Side = 0.9) -> ForegroundCutMix:
    """Paste a box of fixed size out of the partner's foreground, image and labels.

    Args:
        side: sides of the box, share of those of the foreground's bounding box.
    """
    return ForegroundCutMix(side, context.ignore_index)


@hookimpl
def trash_mixes() -> list[Component]:
    """Offer the mix under the name that recipes use."""
    return [
        Component("foreground_cutmix", foreground_cutmix, "box of fixed size of the foreground")
    ]
