"""Scoring combinations on every pixel: these can change pixels that all members agree on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.combiners import Mean
from toolkit.ensemble.stacking import Stacking, stacked_scores
from toolkit.metrics.scores import Metrics
from toolkit.postprocess.labels import argmax_labels
from toolkit.progress import Progress
from toolkit.search.cross_validation import CrossValidatedScore, Fit, Fits, RepeatedKFold
from toolkit.search.held_out import HeldOut
from toolkit.search.stacking_fit import StackingNumbers

Map = NDArray[np.float32]


def score_fits(
    fits: Fits[Fit],
    division: RepeatedKFold,
    held_out: HeldOut,
    combine: Callable[[Iterable[Map], Sequence[Fit]], Iterable[Map]],
    metrics: Metrics,
    progress: Progress,
) -> CrossValidatedScore:
    """Score what was fitted on all images, and on every image by the fits without it; one pass.

    Args:
        fits: made for `division`.
        division: the folds.
        held_out: the images.
        combine: takes the members' maps of an image, float32 (C, 1, pixels) each, and several fits;
            returns a combined map for each fit, of which the largest class counts.
        metrics: the contest's, of which one decides.
        progress: told while the maps are read.
    """
    n, counting = held_out.n_images, metrics.counting(held_out.ignore_index)
    whole = counting.zeros(n)
    honest = counting.zeros(division.repeats, n)
    with progress.bar("scoring", n, "images") as bar:
        for image in range(n):
            folds = division.fold_of[:, image]
            used = [own[fold] for own, fold in zip(fits.without, folds, strict=True)]
            mask = held_out.mask(image)
            whole[image], *honest[:, image] = (
                counting(argmax_labels(each).reshape(mask.shape), mask)
                for each in combine(held_out.maps(image), [fits.whole, *used])
            )
            bar.advance()
    return CrossValidatedScore(whole, honest, metrics.metric)


def stacked(maps: Iterable[Map], fits: Sequence[StackingNumbers]) -> list[Map]:
    """Combine maps by each of several fits of stacking."""
    return stacked_scores([Stacking(fit.weights, fit.bias, len(fit.bias)) for fit in fits], maps)


def scaled_means(maps: Iterable[Map], fits: Sequence[tuple[float, ...]]) -> Iterable[Map]:
    """Average maps and multiply every class by its factor, by each of several fits."""
    mean = Mean()(maps)
    return (mean * np.asarray(factors, np.float32)[:, None, None] for factors in fits)
