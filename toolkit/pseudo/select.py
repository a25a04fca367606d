"""A chain of selectors: what all of them trust becomes a pseudo-label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import (
    ChecksImages,
    Context,
    ObservesPredictions,
    Prediction,
    Selector,
)
from toolkit.plugin.registry import Registry
from toolkit.postprocess.labels import argmax_labels
from toolkit.wording import counted


@dataclass(frozen=True)
class Decision:
    """What is trusted of one image.

    Attributes:
        predicted: uint8 (H, W), the most probable labels.
        labels: uint8 (H, W), these with `ignore_index` where they are not trusted; None when the
            image is rejected.
        rejected_by: name of the selector that rejected it, or that took its last pixel; None when
            it is selected.
    """

    predicted: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    rejected_by: str | None = None


@dataclass(frozen=True)
class Selection:
    """Selectors in order; without any everything is trusted.

    Attributes:
        steps: name and selector.
        ignore_index: label of pixels that are not trusted.
    """

    steps: tuple[tuple[str, Selector], ...]
    ignore_index: int

    def expect(self, file_names: Sequence[str]) -> None:
        """Tell the selectors which images there are.

        Raises:
            UsageError: parameters of one do not fit them.
        """
        for _, selector in self.steps:
            if isinstance(selector, ChecksImages):
                selector.expect(file_names)

    @property
    def observes(self) -> bool:
        """Whether every image is to be shown to `observe` before the first is decided."""
        return any(isinstance(selector, ObservesPredictions) for _, selector in self.steps)

    def observe(self, prediction: Prediction) -> None:
        """Show an image to the selectors that choose thresholds by all of them."""
        prediction = _read_only(prediction)
        for _, selector in self.steps:
            if isinstance(selector, ObservesPredictions):
                selector.observe(prediction)

    def __call__(self, prediction: Prediction) -> Decision:
        """Decide about an image: a pixel is trusted if every selector trusts it.

        Raises:
            TrashError: a selector returned something else than labels of this prediction.
        """
        prediction = _read_only(prediction)
        predicted = argmax_labels(prediction.probabilities)
        labels = predicted.copy()
        for name, selector in self.steps:
            found = selector(prediction)
            if found is None:
                return Decision(predicted, None, name)
            problem = self._problem(found, predicted)
            if problem:
                raise TrashError(
                    f"selector {name} returned {problem} for {prediction.file_name}",
                    f"Check it: trash plugin check {name}",
                )
            labels[found == self.ignore_index] = self.ignore_index
            if (labels == self.ignore_index).all():
                return Decision(predicted, None, name)
        return Decision(predicted, labels)

    def _problem(self, found: object, predicted: NDArray[np.uint8]) -> str:
        """Say what is wrong with the labels of a selector, nothing if they are right."""
        if not isinstance(found, np.ndarray):
            return f"{type(found).__name__}, no array and not None,"
        if found.dtype != np.uint8 or found.shape != predicted.shape:
            return f"{found.dtype} {found.shape} instead of uint8 {predicted.shape}"
        wrong = (found != predicted) & (found != self.ignore_index)
        if wrong.any():
            count = counted(int(np.count_nonzero(wrong)), "pixel", "pixels")
            return f"labels that are not the most probable ones at {count}"
        return ""


def build_selection(
    specs: Sequence[ComponentSpec], registry: Registry, context: Context
) -> Selection:
    """Build the selectors of a recipe.

    Raises:
        UsageError: unknown name or wrong parameters.
    """
    steps = tuple((spec.name, registry.build("selector", spec, context)) for spec in specs)
    return Selection(steps, context.ignore_index)


def _read_only(prediction: Prediction) -> Prediction:
    """Return the prediction with read-only arrays, as the next selector needs them unchanged."""
    probabilities, agreement = prediction.probabilities.view(), prediction.agreement.view()
    probabilities.flags.writeable = agreement.flags.writeable = False
    return Prediction(prediction.file_name, probabilities, agreement)
