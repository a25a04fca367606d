"""Scoring combinations that can overrule members that agree: every pixel counts, image by image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.combiners import Mean
from toolkit.ensemble.contested import confusion
from toolkit.ensemble.held_out import HeldOut
from toolkit.ensemble.honest import Division, Fit, Fits, Scored
from toolkit.ensemble.labels import argmax_labels
from toolkit.ensemble.stacking import Stacking
from toolkit.ensemble.stacking_fit import StackingNumbers
from toolkit.progress import Progress

Maps = list[NDArray[np.float32]]
"""One per member, float32 (C, 1, pixels)."""


def score_fits(
    fits: Fits[Fit],
    division: Division,
    held_out: HeldOut,
    combine: Callable[[Maps, Fit], NDArray[np.float32]],
    progress: Progress,
) -> Scored:
    """Score what was fitted on all images, and on every image by the fits without it; one pass.

    Args:
        fits: made for `division`.
        division: the folds.
        held_out: the images.
        combine: the combined map, float32 (C, 1, pixels), of an image by a fit.
        progress: told while the maps are read.
    """
    n, c = held_out.n_images, held_out.n_classes
    whole = np.zeros((n, c, c), np.int64)
    honest = np.zeros((division.repeats, n, c, c), np.int64)
    with progress.bar("scoring", n, "images") as bar:
        for image in range(n):
            maps = list(held_out.maps(image))
            target = held_out.target(image)
            labelled = target != held_out.ignore_index

            def counted(
                fit: Fit,
                maps: Maps = maps,
                target: NDArray[np.uint8] = target,
                labelled: NDArray[np.bool_] = labelled,
            ) -> NDArray[np.int64]:
                labels = argmax_labels(combine(maps, fit)).reshape(-1)
                return confusion(target[labelled], labels[labelled], c)

            whole[image] = counted(fits.whole)
            for repeat, fold in enumerate(division.fold_of[:, image]):
                honest[repeat, image] = counted(fits.without[repeat][fold])
            bar.advance()
    return Scored(whole, honest)


def stacked(maps: Maps, numbers: StackingNumbers) -> NDArray[np.float32]:
    """Combine maps by fitted stacking."""
    return Stacking(list(numbers.weights), list(numbers.bias), len(maps[0]))(maps)


def scaled_mean(maps: Maps, factors: tuple[float, ...]) -> NDArray[np.float32]:
    """Average maps and multiply every class by its factor."""
    mean = Mean()(maps)
    mean *= np.asarray(factors, np.float32)[:, None, None]
    return mean
