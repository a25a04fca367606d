"""Scores of a study: of each variant with every seed, and how sure a gain is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from toolkit.metrics.bootstrap import PairedDifference
from toolkit.metrics.correlation import rank_correlation


@dataclass(frozen=True)
class SeedScores:
    """Scores of one variant with one seed.

    Attributes:
        seed: the seed.
        run: name of the run.
        validation: best validation score; the epoch was chosen by it, so it is a little too good.
        test: score of the submission on the test split, None where its truth is unknown.
        iou: IoU of every class, on the test split if it is known, else on validation; NaN where a
            class does not occur.
        seconds: that its epochs took; None = not known.
        record: name of its record; None = it was run before there were any.
    """

    seed: int
    run: str
    validation: float
    test: float | None
    iou: tuple[float, ...]
    seconds: float | None = None
    record: str | None = None


@dataclass(frozen=True)
class StudyRow:
    """Scores of one variant, or of one of several recipes, with all seeds.

    Attributes:
        name: of the variant; of a recipe its file's, as short as it tells the recipes apart.
        recipe: path of its file, with the variant.
        title: its title.
        class_names: names of the classes of `SeedScores.iou`.
        metric: name of the metric of these scores.
        larger_is_better: whether a larger score is the better one.
        outcomes: one per seed.
        over_first: how much better it is than the first one on images drawn anew; None for that one
            itself, and where it cannot be told.
        reference: the original author's scores, as the recipe has them.
    """

    name: str
    recipe: str
    title: str
    class_names: tuple[str, ...]
    metric: str
    larger_is_better: bool
    outcomes: tuple[SeedScores, ...]
    over_first: PairedDifference | None = None
    reference: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    @property
    def deciding(self) -> tuple[float, ...]:
        """The score that counts, per seed: on the test split if its truth is known."""
        return tuple(o.validation if o.test is None else o.test for o in self.outcomes)

    @property
    def original(self) -> float | None:
        """The original author's score, the first figure of `reference`."""
        return next((each for each in self.reference.values() if isinstance(each, float)), None)

    @property
    def seconds(self) -> float | None:
        """Mean time of a run; None = not known."""
        known = [each.seconds for each in self.outcomes if each.seconds is not None]
        return mean(known) if known else None


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of some figures; NaN where there are too few."""

    mean: float
    deviation: float

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "-"
        return f"{self.mean:.4f}" + (
            "" if math.isnan(self.deviation) else f" ± {self.deviation:.4f}"
        )


def spread(values: Sequence[float | None]) -> Spread:
    """Return mean and spread of the figures that are known."""
    known = [value for value in values if value is not None and not math.isnan(value)]
    return Spread(mean(known) if known else math.nan, stdev(known) if len(known) > 1 else math.nan)


def seed_gains(row: StudyRow, first: StudyRow) -> tuple[float, ...]:
    """Return how much better a variant scores than another with each seed that both have."""
    sign = 1 if first.larger_is_better else -1
    theirs = {o.seed: score for o, score in zip(first.outcomes, first.deciding, strict=True)}
    ours = zip(row.outcomes, row.deciding, strict=True)
    return tuple(sign * (score - theirs[o.seed]) for o, score in ours if o.seed in theirs)


def gain(row: StudyRow, first: StudyRow) -> Spread:
    """Return how much better a variant scores than another, compared seed by seed."""
    return spread(seed_gains(row, first))


def within_noise(row: StudyRow, first: StudyRow) -> bool:
    """Return whether a gain is less than two of its standard errors over the seeds."""
    found = gain(row, first)
    n = len(seed_gains(row, first))
    # One seed has no spread (NaN): nothing is known of its noise.
    return n < 1 or not abs(found.mean) > 2 * found.deviation / math.sqrt(n)


def best_first(rows: Sequence[StudyRow]) -> list[StudyRow]:
    """Return the variants in the order of their mean scores."""
    larger = rows[0].larger_is_better
    return sorted(rows, key=lambda row: spread(row.deciding).mean, reverse=larger)


def noise_in_words(rows: Sequence[StudyRow]) -> list[str]:
    """Return lines that name the variants whose gain over the first may be noise, of each kind."""
    first, others = rows[0], rows[1:]
    if not others:
        return []
    seeds = len(first.outcomes)
    within = [one for one in others if seeds > 1 and within_noise(one, first)]
    few = [one for one in others if one.over_first is not None and one.over_first.within_noise]
    lines = [
        f"gain within noise ({of_what}): {', '.join(one.name for one in found)}"
        for of_what, found in (
            (f"two standard errors over {seeds} seeds", within),
            ("95 % interval over the images holds 0", few),
        )
        if found
    ]
    if seeds == 1:
        lines.insert(
            0, "one seed tells nothing of the noise between seeds: name several with --seeds"
        )
    return lines


def agreement_with_original(rows: Sequence[StudyRow]) -> tuple[int, float] | None:
    """Return how well the order of variants is that of the original's scores.

    Returns:
        (number of variants with both scores, Spearman's rank correlation), None for fewer than
        three or where all are equal.
    """
    sign = 1 if rows[0].larger_is_better else -1
    known = [(sign * spread(row.deciding).mean, row.original) for row in rows]
    pairs = [(ours, theirs) for ours, theirs in known if theirs is not None]
    found = rank_correlation([ours for ours, _ in pairs], [theirs for _, theirs in pairs])
    return None if found is None else (len(pairs), found)
