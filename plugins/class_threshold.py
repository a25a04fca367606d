"""class_threshold: classes that are often wrong win a pixel only when they are sure of it.

Seonghoon Park's idea (slide 5, card "Unknown class threshold"): UNKNOWN was never right on the
validation images, so it has to be surer than the others. Used by
recipes/seonghoon_park/unk_threshold.toml, and tried on the maps of a finished run with

    trash ensemble search runs/NAME/best.pt --try 'class_threshold:thresholds={UNKNOWN=0.5}'

A plugin has three parts, here as everywhere: what does the work (the class), what makes it from the
parameters of a recipe (the factory), and what offers it to recipes under a name (the hook).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit import Component, Context, UnitInterval, UsageError, hookimpl
from toolkit.suggestions import did_you_mean

_TIE = np.float32(1e-6)
"""Lifts the class that takes a pixel above one of exactly the same probability."""


@dataclass(frozen=True)
class ClassThreshold:
    """A pixel whose best class is below that class's threshold goes to another one.

    That is the best of those that reach their own threshold; where none does, the pixel stays.
    Pixels whose best class reaches its threshold are left alone.

    Args:
        thresholds: one per class, 0…1; 0 = always sure enough.
        to: label that takes the pixels instead; None = the next best class of each.
    """

    thresholds: tuple[float, ...]
    to: int | None = None

    def __call__(
        self, probabilities: NDArray[np.float32], image: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """float32 (C, H, W) -> float32 (C, H, W), sums to 1 over C; `image` is not looked at."""
        thresholds = np.asarray(self.thresholds, np.float32)
        labels = probabilities.argmax(axis=0)
        doubtful = probabilities.max(axis=0) < thresholds[labels]
        changed = probabilities.copy()
        changed[:, doubtful] = self._of_others(
            probabilities[:, doubtful], labels[doubtful], thresholds
        )
        return changed

    def _of_others(
        self, pixels: NDArray[np.float32], labels: NDArray[np.intp], thresholds: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return probabilities (C, n) of pixels whose label is not sure enough."""
        if self.to is None:
            sure = (pixels >= thresholds[:, None]) & (pixels > 0)
            others = np.where(sure | ~sure.any(axis=0), pixels, np.float32(0))
        else:
            columns = np.arange(labels.size)
            others = pixels.copy()
            others[self.to] += pixels[labels, columns] + _TIE
            others[labels, columns] = 0
        others /= others.sum(axis=0)
        return np.asarray(others, np.float32)


def class_threshold(
    context: Context,
    *,
    thresholds: dict[str, UnitInterval] = {},  # noqa: B006
    to: str | None = None,
) -> ClassThreshold:
    """Classes that are often wrong win a pixel only when they are sure of it.

    Args:
        thresholds: name of a class -> the probability below which it loses a pixel to the best of
            the classes that reach their own threshold; classes that are left out have none.
        to: name of a class that takes all these pixels instead.
    """
    if to in thresholds:
        raise UsageError(
            f"{to} cannot take the pixels that others lose and have a threshold itself",
            f"Leave {to} out of thresholds.",
            parameter="to",
        )
    by_label = [0.0] * context.n_classes
    for name, threshold in thresholds.items():
        by_label[_label(name, context, "thresholds")] = threshold
    taker = None if to is None else _label(to, context, "to")
    return ClassThreshold(tuple(by_label), taker)


def _label(name: str, context: Context, parameter: str) -> int:
    """Return the label of a class; a recipe names classes, because their numbers may change."""
    if name not in context.class_names:
        raise UsageError(
            f"{parameter}: there is no class called {name}",
            did_you_mean(name, context.class_names),
            parameter=parameter,
        )
    return context.class_names.index(name)


@hookimpl
def trash_postprocessors() -> list[Component]:
    """Offer the step under the name that recipes use."""
    return [
        Component("class_threshold", class_threshold, "unsure classes lose their pixels to others")
    ]
