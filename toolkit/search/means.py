"""Cached scores of means in which every member counts a whole number of times."""

from __future__ import annotations

import math
from collections.abc import Sequence

from toolkit.ensemble.combiners import Mean
from toolkit.metrics.formulas import mean_of_images
from toolkit.metrics.scores import merit
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.metric import Metric, ScoresImages
from toolkit.search.cross_validation import LeftOut, RepeatedKFold
from toolkit.search.disagreement import Confusions, Disagreement
from toolkit.search.greedy import Counts


class MeanScores:
    """Scores means of members on all images, or on those outside a fold.

    Selections on different parts of the images ask for the same means again and again: their scores
    on every part are kept.

    Args:
        contested: the pixels that decide.
        division: the folds.
        metric: the contest's.
    """

    def __init__(self, contested: Disagreement, division: RepeatedKFold, metric: Metric) -> None:
        self._contested = contested
        self._division = division
        self.metric = metric
        self._known: dict[Counts, dict[LeftOut, float]] = {}

    def confusions(self, counts: Counts) -> Confusions:
        """Return the confusion of every image for a mean."""
        members, weights = members_of(counts)
        return self._contested.score(Mean(weights), members)

    def merit(self, counts: Counts, left_out: LeftOut) -> float:
        """Return the score of a mean on all images but those of a fold; larger is better.

        It is -inf where the metric has no value on them.
        """
        counts = _reduced(counts)
        if counts not in self._known:
            self._known[counts] = self._by_part(self.confusions(counts))
        return self._known[counts][left_out]

    def _by_part(self, confusions: Confusions) -> dict[LeftOut, float]:
        division = self._division
        parts: list[LeftOut] = [
            None,
            *((repeat, f) for repeat in range(division.repeats) for f in range(division.n_folds)),
        ]
        metric = self.metric
        if isinstance(metric, ScoresImages):  # every image is scored once, not once per part
            images = metric.image_figures(confusions)[:, 0]
            scores = {part: mean_of_images(images[division.outside(part)]) for part in parts}
        else:
            scores = {part: metric(confusions[division.outside(part)]).score for part in parts}
        return {part: merit(metric, score) for part, score in scores.items()}


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
