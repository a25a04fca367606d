"""template_name: random tint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit import Component, Context, Sample, UnitInterval, hookimpl


class Tint:
    """Multiplies each channel by its own random factor; labels stay."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Return a changed copy; all randomness comes from `rng`."""
        channels = sample.image.shape[2]
        factors = rng.uniform(1 - self.strength, 1 + self.strength, size=channels)
        image = np.clip(sample.image * factors, 0, 255).astype(np.uint8)
        return replace(sample, image=image)


def make(context: Context, *, strength: UnitInterval = 0.2) -> Tint:
    """Make a random tint.

    Args:
        strength: factors lie between 1 - strength and 1 + strength.
    """
    return Tint(strength)


@hookimpl
def trash_augmentations() -> list[Component]:
    """Offer the augmentation under the name that recipes use."""
    return [Component("template_name", make, "random tint")]
