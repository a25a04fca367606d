"""Cached scores of means in which every member counts a whole number of times."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.combiners import Mean
from toolkit.metrics.confusion import mean_ious
from toolkit.plugin.component import ComponentSpec
from toolkit.search.cross_validation import RepeatedKFold
from toolkit.search.disagreement import Confusions, Disagreement
from toolkit.search.greedy import Counts


class MeanScores:
    """Scores means of members on all images, or on those outside a fold.

    Selections on different parts of the images ask for the same means again and again: their
    confusions are kept, summed over the images of each fold.

    Args:
        contested: the pixels that decide.
        division: the folds.
    """

    def __init__(self, contested: Disagreement, division: RepeatedKFold) -> None:
        self._contested = contested
        self._division = division
        self._known: dict[Counts, NDArray[np.int64]] = {}

    def confusions(self, counts: Counts) -> Confusions:
        """Return the confusion of every image for a mean."""
        members, weights = members_of(counts)
        return self._contested.score(Mean(weights), members)

    def miou(self, counts: Counts, left_out: tuple[int, int] | None) -> float:
        """Return the mIoU of a mean on all images but those of one (repeat, fold).

        It is 0 where no pixel of them is labelled: all means are alike.
        """
        counts = _reduced(counts)
        if counts not in self._known:
            self._known[counts] = self._by_fold(self.confusions(counts))
        sums = self._known[counts]
        total = sums[0].sum(0)
        miou = mean_ious(total if left_out is None else total - sums[left_out])
        return float(np.nan_to_num(miou))

    def _by_fold(self, confusions: Confusions) -> NDArray[np.int64]:
        """Return int64 (repeats, folds, C, C)."""
        n_folds = self._division.n_folds
        return np.stack(
            [
                [confusions[fold_of == fold].sum(0) for fold in range(n_folds)]
                for fold_of in self._division.fold_of
            ]
        )


def members_of(counts: Counts) -> tuple[tuple[int, ...], list[int]]:
    """Return the members that count at all, and how often."""
    counts = _reduced(counts)
    members = tuple(member for member, count in enumerate(counts) if count)
    return members, [counts[member] for member in members]


def mean_spec(counts: Counts) -> ComponentSpec:
    """Return the ensembler of a mean as in a recipe."""
    weights = members_of(counts)[1]
    if len(set(weights)) == 1:
        return ComponentSpec(name="mean")
    return ComponentSpec(name="mean", **{"weights": weights})


def counts_of(members: Sequence[int], n_members: int) -> Counts:
    """Return the counts of a plain mean of some members."""
    return tuple(int(member in members) for member in range(n_members))


def _reduced(counts: Counts) -> Counts:
    common = math.gcd(*counts)
    return tuple(count // common for count in counts)
