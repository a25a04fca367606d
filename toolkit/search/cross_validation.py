"""Repeated k-fold cross-validation: what is fitted to some images is scored on the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.confusion import class_ious, mean_ious
from toolkit.progress import Progress
from toolkit.search.disagreement import Confusions
from toolkit.seeds import Stream, generator

_DRAWS = 400
_BLOCK = 50

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
    """Confusions of a fit: on the images it was fitted to, and cross-validated.

    Attributes:
        fitted: of what was fitted to all images, on the same images: int64 (images, C, C).
        honest: of every image by what was fitted without it: int64 (repeats, images, C, C).
    """

    fitted: Confusions
    honest: NDArray[np.int64]

    @property
    def fitted_miou(self) -> float:
        """The mIoU on the images that it was fitted to, which is too high."""
        return float(mean_ious(self.fitted.sum(0)))

    @property
    def honest_miou(self) -> float:
        """Score (mIoU) on images that it was not fitted to: mean over the repeats."""
        return float(mean_ious(self.honest.sum(1)).mean())

    @property
    def honest_iou(self) -> NDArray[np.float64]:
        """The same for every class, (C,), NaN where there is none of it."""
        return class_ious(self.honest.sum((0, 1)))

    def figures(self) -> ScoreWithError:
        """Return the figures alone: their size does not grow with the number of images."""
        return ScoreWithError(self.fitted_miou, self.honest_miou, self.honest_iou)


@dataclass(frozen=True)
class ScoreWithError:
    """The scores of `CrossValidatedScore`, without the confusions of every image.

    Attributes:
        fitted_miou: see `CrossValidatedScore`.
        honest_miou: see `CrossValidatedScore`.
        honest_iou: see `CrossValidatedScore`.
    """

    fitted_miou: float
    honest_miou: float
    honest_iou: NDArray[np.float64]


def unfitted(confusions: Confusions) -> CrossValidatedScore:
    """Return the scores of a combination that nothing was fitted for: both figures are equal."""
    return CrossValidatedScore(confusions, confusions[None])


def score_choices(
    fits: Fits[Fit], division: RepeatedKFold, score: Callable[[Fit], Confusions]
) -> CrossValidatedScore:
    """Score fits that are often equal, such as choices of members: each is scored once.

    Args:
        fits: hashable.
        division: the folds that they were made for.
        score: confusions of every image, int64 (images, C, C).
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
    return CrossValidatedScore(whole, honest)


@dataclass(frozen=True)
class Gain:
    """Difference of two scores on images that neither was fitted to, with its standard error.

    Attributes:
        miou: difference of the honest mIoU.
        error: its standard error, from images drawn anew (bootstrap).
        iou: difference per class, (C,); NaN where there is none of the class.
        iou_error: standard errors per class, (C,).
    """

    miou: float
    error: float
    iou: NDArray[np.float64]
    iou_error: NDArray[np.float64]

    @property
    def clear(self) -> bool:
        """Whether it is more than its standard error: everything else is a tie."""
        return self.miou > self.error

    @property
    def worse(self) -> NDArray[np.intp]:
        """Labels of the classes that got clearly worse: by more than two standard errors."""
        with np.errstate(invalid="ignore"):
            return np.flatnonzero(self.iou < -np.maximum(2 * self.iou_error, 1e-9))


def gain_over(ours: CrossValidatedScore, baseline: CrossValidatedScore, seed: int = 0) -> Gain:
    """Return the cross-validated gain of one combination over another on the same images."""
    a, b = ours.honest.mean(0), baseline.honest.mean(0)
    n_images, *shape = a.shape
    rng = generator(Stream.RESAMPLES, seed)
    mious, ious = [], []
    for _ in range(_DRAWS // _BLOCK):
        counts = rng.multinomial(n_images, np.full(n_images, 1 / n_images), _BLOCK).astype(float)
        first, second = (
            (counts @ each.reshape(n_images, -1)).reshape(-1, *shape) for each in (a, b)
        )
        mious.append(mean_ious(first) - mean_ious(second))
        ious.append(class_ious(first) - class_ious(second))
    drawn = np.concatenate(ious)
    known = np.isfinite(drawn).sum(0) > 1
    error = np.full(drawn.shape[1], np.nan)
    error[known] = np.nanstd(drawn[:, known], axis=0)
    return Gain(
        miou=ours.honest_miou - baseline.honest_miou,
        error=float(np.nanstd(np.concatenate(mious))),
        iou=ours.honest_iou - baseline.honest_iou,
        iou_error=error,
    )
