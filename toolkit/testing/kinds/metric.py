"""The contract of a metric."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.metric import MetricScore, ScoresBoundary, ScoresImages, ScoresTotal
from toolkit.testing.contract import Rule, Subject, require

_IMAGES = 7
_PIXELS = 900


def _counts(subject: Subject, right: float, seed: int = 0) -> NDArray[np.int64]:
    """Return counts of images in which every class occurs and this share of its pixels is right."""
    rng = np.random.default_rng(seed)
    n_classes = subject.context.n_classes + isinstance(subject.component, ScoresBoundary)
    pixels = rng.integers(_PIXELS // 2, _PIXELS, (_IMAGES, n_classes))
    counts = np.zeros((_IMAGES, n_classes, n_classes), np.int64)
    for image in range(_IMAGES):
        for label in range(n_classes):
            n_right = round(pixels[image, label] * right)
            others = np.arange(n_classes) != label
            wrong = rng.multinomial(pixels[image, label] - n_right, others / max(1, others.sum()))
            counts[image, label] = wrong
            counts[image, label, label] += n_right
    return counts


def _score(subject: Subject, counts: NDArray[np.int64]) -> MetricScore:
    score: MetricScore = subject.component(counts)
    require(isinstance(score, MetricScore), f"it returned {type(score).__name__}, no MetricScore")
    return score


def returns_a_score(subject: Subject) -> None:
    """Returns a float, and float64 (C,) or None for the classes; says which direction is better."""
    larger = getattr(subject.component, "larger_is_better", None)
    require(isinstance(larger, bool), "larger_is_better is not True or False")
    for counts in (_counts(subject, 0.7), _counts(subject, 0.7)[:1]):
        found = _score(subject, counts)
        require(isinstance(found.score, float), f"a score of {type(found.score).__name__}")
        require(math.isfinite(found.score), f"the score is {found.score} where every class occurs")
        if found.classes is not None:
            expected = (subject.context.n_classes,)
            require(found.classes.dtype == np.float64, f"classes of {found.classes.dtype}")
            require(
                found.classes.shape == expected,
                f"classes of shape {found.classes.shape}, not {expected}",
            )


def prefers_what_is_right(subject: Subject) -> None:
    """Scores better the more pixels are right, in the direction that it says."""
    sign = 1 if subject.component.larger_is_better else -1
    shares = (0.3, 0.6, 0.9, 1.0)
    scores = [_score(subject, _counts(subject, share)).score for share in shares]
    for (worse, lower), (better, higher) in pairwise(zip(shares, scores, strict=True)):
        require(
            sign * higher > sign * lower,
            f"{better:.0%} of the pixels right score {higher:.4g}, {worse:.0%} score {lower:.4g}: "
            "larger_is_better is the wrong way round, or the counts are not looked at",
        )


def ignores_the_order(subject: Subject) -> None:
    """Scores the same in whatever order the images come."""
    counts = _counts(subject, 0.6)
    forwards, backwards = _score(subject, counts), _score(subject, counts[::-1])
    off = abs(forwards.score - backwards.score)
    require(off < 1e-9, f"the score differs by {off:.3g} when the images come in reverse")


def knows_nothing_of_nothing(subject: Subject) -> None:
    """Is NaN where no pixel is counted; images without counted pixels change nothing."""
    counts = _counts(subject, 0.6)
    nothing = _score(subject, np.zeros_like(counts)).score
    require(math.isnan(nothing), f"the score of no pixel at all is {nothing}, not NaN")
    more = _score(subject, np.concatenate([counts, np.zeros_like(counts)])).score
    expected = _score(subject, counts).score
    require(
        abs(more - expected) < 1e-9,
        f"{expected:.4g} became {more:.4g} with images of which every pixel is ignored",
    )


def takes_counts_beyond_32_bits(subject: Subject) -> None:
    """Scores large images as small ones: counts are int64 and their sums pass 2³¹."""
    counts = _counts(subject, 0.6)
    small, large = _score(subject, counts).score, _score(subject, counts * 3_000_000).score
    require(
        abs(small - large) < 1e-6, f"{small:.4g} became {large:.4g} with 3,000,000 times the pixels"
    )


def keeps_its_word_on_totals(subject: Subject) -> None:
    """Scores the sum of the images as the images, if it says that it needs no more."""
    metric = subject.component
    if isinstance(metric, ScoresTotal) and metric.scores_total:
        counts = np.concatenate([_counts(subject, share, 3) for share in (0.2, 0.9)])
        off = abs(_score(subject, counts).score - _score(subject, counts.sum(0)[None]).score)
        require(off < 1e-9, f"scores_total is True, but the sum scores {off:.3g} differently")


def keeps_its_word_on_images(subject: Subject) -> None:
    """Scores the mean of its figures of the images, if it says that it has some."""
    metric = subject.component
    if not isinstance(metric, ScoresImages):
        return
    counts = np.concatenate([_counts(subject, share, 3) for share in (0.2, 0.9)])
    counts[0] = 0
    figures = metric.image_figures(counts)
    shape = len(counts), 1 + subject.context.n_classes
    require(figures.shape == shape, f"image_figures of shape {figures.shape}, not {shape}")
    found = _score(subject, counts)
    expected = found.score if found.classes is None else np.array([found.score, *found.classes])
    with np.errstate(invalid="ignore"):
        means = np.nansum(figures, axis=0) / np.isfinite(figures).sum(axis=0)
    off = np.nanmax(np.abs(means[: np.size(expected)] - expected))
    require(off < 1e-9, f"the mean of image_figures scores {off:.3g} differently")


def leaves_inputs(subject: Subject) -> None:
    """Leaves the counts as they were."""
    counts = _counts(subject, 0.6)
    mine = counts.copy()
    _score(subject, mine)
    require(np.array_equal(mine, counts), "it changed the counts in place")


RULES: tuple[Rule, ...] = (
    returns_a_score,
    prefers_what_is_right,
    ignores_the_order,
    knows_nothing_of_nothing,
    takes_counts_beyond_32_bits,
    keeps_its_word_on_totals,
    keeps_its_word_on_images,
    leaves_inputs,
)
