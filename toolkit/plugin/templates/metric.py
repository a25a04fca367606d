"""template_name: the IoU of the worst class decides."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from toolkit import Component, Context, MetricScore, hookimpl

Pixels = Annotated[int, Field(ge=1)]


class WorstClass:
    """Scores all images together by the class that is recognised worst."""

    larger_is_better = True

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
        """Counts (images, C, C), rows truth, columns predictions -> score and IoU per class."""
        total = counts.sum(axis=0)
        right = np.diagonal(total)
        union = total.sum(axis=1) + total.sum(axis=0) - right
        iou = np.full(len(total), np.nan)
        known = total.sum(axis=1) >= self.least
        iou[known] = right[known] / union[known]
        return MetricScore(float(iou[known].min()) if known.any() else float("nan"), iou)


def make(context: Context, *, least: Pixels = 1) -> WorstClass:
    """Make a metric that looks at the worst class alone.

    Args:
        least: fewest true pixels of a class that counts.
    """
    return WorstClass(least)


@hookimpl
def trash_metrics() -> list[Component]:
    """Offer the metric under the name that recipes use."""
    return [Component("template_name", make, "the IoU of the worst class")]
