"""Metrics whose every answer is looked at: one that is no number would be found hours later."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError, in_words, raised_at
from toolkit.metrics.formulas import all_pixels, boundary_pixels
from toolkit.plugin.metric import Metric, MetricScore, ScoresBoundary, ScoresImages, ScoresTotal


class CheckedMetric:
    """A metric that never answers with anything but numbers or NaN.

    It takes counts of both kinds, (images, C, C) and (images, 4, C, C), see `Counting`.

    Args:
        name: what messages call it.
        metric: the metric.

    Attributes:
        boundary: see `ScoresBoundary`; None = it looks at all pixels.

    Raises:
        TrashError: it does not say which direction is better, or how wide a boundary is.
    """

    def __init__(self, name: str, metric: Metric) -> None:
        self._name = name
        self._metric = metric
        larger = getattr(metric, "larger_is_better", None)
        if not isinstance(larger, bool):
            raise self._mistake(f"says larger_is_better = {larger!r}, not True or False")
        self.larger_is_better: bool = larger
        self.scores_total: bool = isinstance(metric, ScoresTotal) and metric.scores_total is True
        self.boundary = self._width(metric.boundary) if isinstance(metric, ScoresBoundary) else None

    def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
        """Return the metric's score, a Python float, and float64 (C,) or None for the classes.

        Raises:
            TrashError: the metric failed, or gave something else.
        """
        found = self._answer(self._metric, self.seen(counts))
        if not isinstance(found, MetricScore):
            raise self._mistake(f"returned {type(found).__name__}, not MetricScore")
        value: object = found.score
        if not isinstance(value, Real):
            raise self._mistake(f"returned a score of {type(value).__name__}, not a float")
        score = float(value)
        if math.isinf(score):
            raise self._mistake(f"returned {score}")
        if found.classes is None:
            return MetricScore(score)
        return MetricScore(score, self._figures(found.classes, counts.shape[-1:]))

    def seen(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the part of the counts that the metric looks at."""
        if self.boundary is None:
            return all_pixels(counts)
        if counts.ndim == 3:
            raise TrashError(
                f"{self._name} needs pixels that were counted near boundaries; these were not",
                "Choose it before the pixels are counted: as [metric] of the recipe, or --metric "
                "of trash submission score and trash ensemble search.",
            )
        return boundary_pixels(counts)

    def _width(self, boundary: object) -> float:
        if not isinstance(boundary, float) or not 0 < boundary < 1:
            raise self._mistake(f"says boundary = {boundary!r}, not a share of the diagonal, 0…1")
        return boundary

    def _answer(
        self, ask: Callable[[NDArray[np.int64]], object], counts: NDArray[np.int64]
    ) -> object:
        """Return what the plugin says of counts that it cannot change: others are scored by them.

        Raises:
            TrashError: it failed.
        """
        shown = counts.view()
        shown.flags.writeable = False
        try:
            return ask(shown)
        except TrashError:
            raise
        except Exception as error:  # anything may happen in a plugin
            raise self._mistake(f"failed: {in_words(error)}{raised_at(error)}") from error

    def _figures(self, values: object, shape: tuple[int, ...]) -> NDArray[np.float64]:
        try:
            figures = np.asarray(values, np.float64)
        except (TypeError, ValueError) as error:
            raise self._mistake(f"returned classes that are no numbers: {error}") from None
        if figures.shape != shape:
            raise self._mistake(f"returned figures of shape {figures.shape}, not {shape}")
        if np.isinf(figures).any():
            raise self._mistake("returned an infinite figure")
        return figures

    def _mistake(self, what: str) -> TrashError:
        return TrashError(
            f"the metric {self._name} {what}",
            "NaN says that there is no score. trash plugin check NAME tells what a metric must do.",
        )


class CheckedImageMetric(CheckedMetric):
    """The same for a metric that is a mean over images.

    Args:
        name: what messages call it.
        metric: the metric.
        ability: the metric again, by what it is able to.
    """

    def __init__(self, name: str, metric: Metric, ability: ScoresImages) -> None:
        super().__init__(name, metric)
        self._ability = ability

    def image_figures(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the figures of every image, see `ScoresImages`.

        Raises:
            TrashError: the metric failed, or gave something else.
        """
        shape = len(counts), 1 + counts.shape[-1]
        found = self._answer(self._ability.image_figures, self.seen(counts))
        return self._figures(found, shape)


def checked(name: str, metric: Metric) -> CheckedMetric:
    """Return a metric with every answer looked at, and its abilities."""
    if isinstance(metric, ScoresImages):
        return CheckedImageMetric(name, metric, metric)
    return CheckedMetric(name, metric)
