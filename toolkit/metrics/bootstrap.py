"""How sure a score is: the images are drawn again and again, with replacement (Efron, 1979)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.formulas import all_pixels, class_ious
from toolkit.metrics.scores import Interval, Metrics, Scores, direction
from toolkit.plugin.metric import Metric, ScoresImages, ScoresTotal
from toolkit.seeds import Stream, generator

_DRAWS = 400
_BLOCK = 50
_LEVEL = 0.95


def image_draws(n_images: int, seed: int = 0) -> NDArray[np.int64]:
    """Return how often each image is drawn in each of 400 draws, int64 (draws, images)."""
    rng = generator(Stream.RESAMPLES, seed)
    return rng.multinomial(n_images, np.full(n_images, 1 / n_images), _DRAWS)


def score_interval(metric: Metric, counts: NDArray[np.int64], seed: int = 0) -> Interval | None:
    """Return how sure the score of some images is.

    Args:
        metric: the score.
        counts: int64 (images, C, C), rows truth, columns predictions.
        seed: of the draws.

    Returns:
        None for fewer than two images, or where hardly any draw has a score.
    """
    scores, _ = redrawn_scores(metric, counts, image_draws(len(counts), seed))
    return drawn_interval(scores) if len(counts) > 1 else None


@dataclass(frozen=True)
class PairedDifference:
    """How much better one set of predictions is than another on the same images.

    Attributes:
        score: difference of the scores, positive where the first is the better one; None where one
            of them has no score.
        interval: of the difference; None as in `score_interval`.
    """

    score: float | None
    interval: Interval | None

    @property
    def within_noise(self) -> bool:
        """Whether other images might as well say the opposite: 0 lies in the interval."""
        return self.interval is None or self.interval.low <= 0 <= self.interval.high


Pair = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Counts of two predictions of the same images in one order, int64 (images, C, C) each."""


def paired_difference(metric: Metric, pairs: Sequence[Pair], seed: int = 0) -> PairedDifference:
    """Compare predictions of the same images: all are scored on the same draws.

    Args:
        metric: the score.
        pairs: of both ways, one pair per repetition (with another seed, for example), all of the
            same images; the mean of their differences counts.
        seed: of the draws.
    """
    n_images = len(pairs[0][0])
    draws = image_draws(n_images, seed)
    scores = np.mean([metric(first).score - metric(second).score for first, second in pairs])
    drawn = np.mean(
        [
            redrawn_scores(metric, first, draws)[0] - redrawn_scores(metric, second, draws)[0]
            for first, second in pairs
        ],
        axis=0,
    )
    sign = direction(metric)
    return PairedDifference(
        None if np.isnan(scores) else sign * float(scores),
        drawn_interval(sign * drawn) if n_images > 1 else None,
    )


def with_intervals(scores: Scores, counts: NDArray[np.int64], metrics: Metrics) -> Scores:
    """Return scores with how sure each of them is.

    Args:
        scores: of these counts.
        counts: int64 (images, C, C), rows truth, columns predictions.
        metrics: of the contest.
    """
    found = {name: score_interval(metric, counts) for name, metric in metrics.by_name.items()}
    return replace(scores, intervals={name: each for name, each in found.items() if each})


def redrawn_scores(
    metric: Metric, counts: NDArray[np.int64], draws: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the scores of draws of the images, (draws,), and those of classes, (draws, C).

    Those of classes are the IoU where the metric says nothing of classes.
    """
    if isinstance(metric, ScoresImages):
        figures = _redrawn_means(metric.image_figures(counts), draws)
        return figures[:, 0], figures[:, 1:]
    scores, classes = [], []
    for drawn in _redrawn_counts(metric, counts, draws):
        found = metric(drawn)
        scores.append(found.score)
        classes.append(
            class_ious(all_pixels(drawn).sum(0)) if found.classes is None else found.classes
        )
    return np.array(scores), np.array(classes)


def _redrawn_means(figures: NDArray[np.float64], draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the means of draws over the images that have a figure, (draws, F).

    Args:
        figures: float64 (images, F), NaN where an image has none.
        draws: how often each image is drawn, int64 (draws, images).
    """
    weights = draws.astype(np.float64)
    known = weights @ ~np.isnan(figures)
    means = np.full(known.shape, np.nan)
    np.divide(weights @ np.nan_to_num(figures), known, out=means, where=known > 0)
    return means


def _redrawn_counts(
    metric: Metric, counts: NDArray[np.int64], draws: NDArray[np.int64]
) -> Iterator[NDArray[np.int64]]:
    if isinstance(metric, ScoresTotal) and metric.scores_total:
        # The sums of many draws at once; float64 is exact below 2**53 pixels.
        flat = counts.reshape(len(counts), -1).astype(np.float64)
        for begin in range(0, len(draws), _BLOCK):
            totals = draws[begin : begin + _BLOCK].astype(np.float64) @ flat
            for total in totals.astype(np.int64):
                yield total.reshape(1, *counts.shape[1:])
        return
    for draw in draws:
        yield counts[np.repeat(np.arange(len(counts)), draw)]


def drawn_interval(drawn: NDArray[np.float64]) -> Interval | None:
    """Return the interval of a figure of draws, (draws,); None where hardly any draw has it."""
    known = drawn[~np.isnan(drawn)]
    if len(known) < len(drawn) / 2:
        return None
    low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(known.std()), float(low), float(high))
