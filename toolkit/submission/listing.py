"""A table of submissions: their own scores beside the leaderboard's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from toolkit.metrics.correlation import rank_correlation
from toolkit.metrics.scores import DEFAULT
from toolkit.plugin.component import ComponentSpec
from toolkit.submission.history import Submission
from toolkit.submission.side_car import checkpoint_name

PAIRS = (("validation", "public"), ("validation", "private"), ("public", "private"))
"""Whose orders are compared: the score before the upload with those after it."""
_LARGEST = 1e9


@dataclass(frozen=True)
class Row:
    """One submission; None = an unknown score.

    Attributes:
        name: of the file, without its ending.
        members: names of the checkpoints, or of the files that were merged.
        combine: how they were combined, with the weights of members, and postprocessed; None when
            the file was not made here.
        validation: on validation images that nothing in it was fitted to.
        local: against the truth of the test split.
        metric: of these two scores.
        public: of the public leaderboard.
        private: of the private leaderboard.
        created: UTC, ISO 8601.
    """

    name: str
    members: tuple[str, ...]
    combine: str | None
    validation: float | None
    local: float | None
    metric: str
    public: float | None
    private: float | None
    created: str


@dataclass(frozen=True)
class Agreement:
    """How well two scores agree about the order of the submissions.

    Attributes:
        first: name of a score.
        second: name of the other one.
        n: submissions that have both.
        correlation: Spearman's, -1…1; None below three submissions, or when all are equal.
    """

    first: str
    second: str
    n: int
    correlation: float | None


def row_of(submission: Submission) -> Row:
    """Return the row of one submission."""
    side_car = submission.side_car
    checkpoints = [checkpoint_name(each.checkpoint) for each in side_car.members]
    files = [PurePosixPath(each.file).name for each in side_car.files]
    return Row(
        name=submission.path.stem,
        members=(*checkpoints, *files),
        combine=_decided(side_car.combine, side_car.postprocess) if side_car.combine else None,
        validation=side_car.honest_score,
        local=side_car.score.deciding if side_car.score else None,
        metric=scores.metric if (scores := side_car.score or side_car.validation) else DEFAULT,
        public=side_car.leaderboard.public,
        private=side_car.leaderboard.private,
        created=side_car.created,
    )


def sorted_rows(rows: Sequence[Row], by: str) -> list[Row]:
    """Return the rows by one of their values, the largest last, so that the best are seen last.

    Args:
        rows: the rows; those without the value come first.
        by: name of the attribute of `Row`.
    """
    return sorted(rows, key=lambda row: (getattr(row, by) is not None, getattr(row, by) or 0))


def agreements(rows: Sequence[Row]) -> tuple[Agreement, ...]:
    """Return the agreement of each of `PAIRS`, among the submissions of the most frequent metric.

    Scores by different metrics have no order.
    """
    found = []
    by_metric = Counter(row.metric for row in rows)
    usual = by_metric.most_common(1)[0][0] if by_metric else DEFAULT
    rows = [row for row in rows if row.metric == usual]
    for first, second in PAIRS:
        both = [(getattr(row, first), getattr(row, second)) for row in rows]
        known = [pair for pair in both if None not in pair]
        a, b = [pair[0] for pair in known], [pair[1] for pair in known]
        found.append(Agreement(first, second, len(known), rank_correlation(a, b)))
    return tuple(found)


def _decided(combine: ComponentSpec, postprocess: Sequence[ComponentSpec]) -> str:
    """Return "mean 0.4,0.6 + dense_crf": weights only where there is one number per member."""
    found = combine.parameters.get("weights")
    weights = found if isinstance(found, list) else []
    # A side-car may hold whole numbers that no float can.
    if not all(isinstance(weight, int | float) and abs(weight) < _LARGEST for weight in weights):
        weights = []
    shown = ",".join(f"{weight:g}" for weight in weights)
    return " + ".join((f"{combine.name} {shown}".rstrip(), *(step.name for step in postprocess)))
