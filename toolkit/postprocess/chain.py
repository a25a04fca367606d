"""Applying postprocessors one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context, Postprocessor
from toolkit.plugin.registry import Registry


@dataclass(frozen=True)
class Chain:
    """Postprocessors in order; without any the probabilities stay as they are."""

    steps: tuple[tuple[str, Postprocessor], ...]

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """`probabilities` float32 (C, H, W), `image` uint8 RGB (H, W, 3) -> float32 (C, H, W).

        Raises:
            TrashError: a step changed the shape or returned values that are not finite.
        """
        for name, step in self.steps:
            changed = step(probabilities, image)
            if np.shape(changed) != probabilities.shape or not np.isfinite(np.sum(changed)):
                raise TrashError(
                    f"postprocessor {name} returned an array of shape {np.shape(changed)} for a "
                    f"map of {probabilities.shape}, or values that are not finite",
                    f"Check it: trash plugin check {name}",
                )
            probabilities = np.asarray(changed, dtype=np.float32)
        return probabilities


def build_chain(specs: Sequence[ComponentSpec], registry: Registry, context: Context) -> Chain:
    """Build the postprocessors of a recipe.

    Raises:
        UsageError: unknown name or wrong parameters.
    """
    return Chain(
        tuple((spec.name, registry.build("postprocessor", spec, context)) for spec in specs)
    )
