"""Repeated k-fold cross-validation: what is fitted to some images is scored on the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.bootstrap import image_draws, redrawn_scores
from toolkit.metrics.formulas import all_pixels, class_ious
from toolkit.metrics.scores import direction
from toolkit.plugin.metric import Metric
from toolkit.progress import Progress
from toolkit.search.disagreement import Confusions
from toolkit.seeds import Stream, generator

Fit = TypeVar("Fit")
LeftOut = tuple[int, int] | None
"""A fold of a repeat, or None: nothing is left out."""


@dataclass(frozen=True)
class RepeatedKFold:
    """Several divisions of the images into folds.

    Attributes:
        fold_of: fold of every image, intp (repeats, images).
        n_folds: folds.
    """

    fold_of: NDArray[np.intp]
    n_folds: int

    @property
    def repeats(self) -> int:
        """Number of divisions."""
        return len(self.fold_of)

    def outside(self, left_out: LeftOut) -> NDArray[np.bool_]:
        """Return which images are not in a (repeat, fold), bool (images,); all of them for None."""
        if left_out is None:
            return np.ones(self.fold_of.shape[1], np.bool_)
        return ~self.held_out(*left_out)

    def held_out(self, repeat: int, fold: int) -> NDArray[np.bool_]:
        """Return which images are in a fold, bool (images,)."""
        return np.asarray(self.fold_of[repeat] == fold)


def repeated_k_fold(n_images: int, n_folds: int, repeats: int, seed: int) -> RepeatedKFold:
    """Divide images at random into folds of nearly equal size, `repeats` times."""
    n_folds = min(n_folds, n_images)
    rng = generator(Stream.FOLDS, seed)
    plain = np.arange(n_images) % n_folds
    return RepeatedKFold(np.stack([rng.permutation(plain) for _ in range(repeats)]), n_folds)


@dataclass(frozen=True)
class Fits(Generic[Fit]):
    """Fits to all images, and for every fold to the images outside it.

    Attributes:
        whole: fitted to all images: what is submitted.
        without: [repeat][fold] -> fitted to the images outside that fold.
    """

    whole: Fit
    without: tuple[tuple[Fit, ...], ...]


def fit_parts(
    division: RepeatedKFold,
    fit: Callable[[LeftOut], Fit],
    what: str,
    progress: Progress,
) -> Fits[Fit]:
    """Fit to all images, and to the images outside every fold.

    Args:
        division: the folds.
        fit: makes something from the images outside a (repeat, fold), or from all for None.
        what: for the bar.
        progress: told what happens.
    """
    with progress.bar(what, 1 + division.repeats * division.n_folds, "parts") as bar:

        def fitted(left_out: LeftOut) -> Fit:
            found = fit(left_out)
            bar.advance()
            return found

        whole = fitted(None)
        without = tuple(
            tuple(fitted((repeat, fold)) for fold in range(division.n_folds))
            for repeat in range(division.repeats)
        )
    return Fits(whole, without)


@dataclass(frozen=True)
class CrossValidatedScore:
    """Counts of a fit: on the images it was fitted to, and cross-validated.

    Attributes:
        fitted: of what was fitted to all images, on the same images, see `Counting`.
        honest: of every image by what was fitted without it: int64 (repeats, images, …).
        metric: the contest's.
    """

    fitted: Confusions
    honest: NDArray[np.int64]
    metric: Metric

    @property
    def fitted_score(self) -> float:
        """The score on the images that it was fitted to, which is too good."""
        return self.metric(self.fitted).score

    @property
    def honest_score(self) -> float:
        """The score on images that it was not fitted to: mean over the repeats."""
        return float(np.mean([self.metric(each).score for each in self.honest]))

    @property
    def honest_classes(self) -> NDArray[np.float64]:
        """The same for every class, (C,), NaN where there is none of it.

        By the metric; the IoU where the metric says nothing of classes.
        """
        return _class_scores(self.metric, self.honest.reshape(-1, *self.honest.shape[2:]))

    def figures(self) -> ScoreWithError:
        """Return the figures alone: their size does not grow with the number of images."""
        return ScoreWithError(self.fitted_score, self.honest_score, self.honest_classes)


@dataclass(frozen=True)
class ScoreWithError:
    """The scores of `CrossValidatedScore`, without the confusions of every image.

    Attributes:
        fitted_score: see `CrossValidatedScore`.
        honest_score: see `CrossValidatedScore`.
        honest_classes: see `CrossValidatedScore`.
    """

    fitted_score: float
    honest_score: float
    honest_classes: NDArray[np.float64]


def _class_scores(metric: Metric, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    found = metric(counts).classes
    return class_ious(all_pixels(counts).sum(0)) if found is None else found


def unfitted(confusions: Confusions, metric: Metric) -> CrossValidatedScore:
    """Return the scores of a combination that nothing was fitted for: both figures are equal."""
    return CrossValidatedScore(confusions, confusions[None], metric)


def score_choices(
    fits: Fits[Fit],
    division: RepeatedKFold,
    score: Callable[[Fit], Confusions],
    metric: Metric,
) -> CrossValidatedScore:
    """Score fits that are often equal, such as choices of members: each is scored once.

    Args:
        fits: hashable.
        division: the folds that they were made for.
        score: counts of every image, see `Counting`.
        metric: the contest's.
    """
    known: dict[Hashable, Confusions] = {}

    def scored(fit: Fit) -> Confusions:
        assert isinstance(fit, Hashable)
        if fit not in known:
            known[fit] = score(fit)
        return known[fit]

    whole = scored(fits.whole)
    honest = np.empty((division.repeats, *whole.shape), np.int64)
    for repeat, row in enumerate(fits.without):
        for fold, fit in enumerate(row):
            chosen = division.held_out(repeat, fold)
            honest[repeat, chosen] = scored(fit)[chosen]
    return CrossValidatedScore(whole, honest, metric)


@dataclass(frozen=True)
class Gain:
    """How much better one score is than another on images that neither was fitted to.

    Attributes:
        score: difference of the honest scores, positive where the first is the better one.
        error: its standard error, from images drawn anew (bootstrap).
        classes: difference per class, (C,); NaN where there is none of the class.
        class_errors: standard errors per class, (C,).
    """

    score: float
    error: float
    classes: NDArray[np.float64]
    class_errors: NDArray[np.float64]

    @property
    def clear(self) -> bool:
        """Whether it is more than its standard error: everything else is a tie."""
        return self.score > self.error

    @property
    def worse(self) -> NDArray[np.intp]:
        """Labels of the classes that got clearly worse: by more than two standard errors."""
        with np.errstate(invalid="ignore"):
            return np.flatnonzero(self.classes < -np.maximum(2 * self.class_errors, 1e-9))


def gain_over(ours: CrossValidatedScore, baseline: CrossValidatedScore, seed: int = 0) -> Gain:
    """Return the cross-validated gain of one combination over another on the same images."""
    metric = ours.metric
    draws = image_draws(len(ours.fitted), seed)
    first, first_classes = _redrawn(ours, draws)
    second, second_classes = _redrawn(baseline, draws)
    classes = ours.honest_classes - baseline.honest_classes
    by_metric = metric(ours.fitted).classes is not None
    return Gain(
        # Adding 0 makes -0.0 plain, which people read as a loss.
        score=direction(metric) * (ours.honest_score - baseline.honest_score) + 0.0,
        error=_deviation(first - second),
        classes=classes if metric.larger_is_better or not by_metric else -classes,
        class_errors=np.array([_deviation(each) for each in (first_classes - second_classes).T]),
    )


def _deviation(drawn: NDArray[np.float64]) -> float:
    """Return the standard deviation of what is known; NaN of fewer than two values."""
    known = drawn[np.isfinite(drawn)]
    return float(known.std()) if len(known) > 1 else math.nan


def _redrawn(
    scored: CrossValidatedScore, draws: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the honest scores (draws,) and those of classes (draws, C) of images drawn anew."""
    repeats = [redrawn_scores(scored.metric, each, draws) for each in scored.honest]
    scores, classes = (np.mean(each, axis=0) for each in zip(*repeats, strict=True))
    return scores, classes
