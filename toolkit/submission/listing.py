"""A table of submissions: their own scores beside the leaderboard's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from toolkit.ensemble.combination import FitScores
from toolkit.metrics.correlation import rank_correlation
from toolkit.metrics.scores import Scores
from toolkit.plugin.component import ComponentSpec
from toolkit.submission.history import Submission
from toolkit.submission.side_car import checkpoint_name

PAIRS = (("validation", "public"), ("validation", "private"), ("public", "private"))
"""Whose orders are compared: the score before the upload with those after it."""
_MEASURED = ("validation", "local")
"""The scores by the row's metric."""
_LARGEST = 1e9


@dataclass(frozen=True)
class Row:
    """One submission; None = an unknown score.

    Attributes:
        name: of the file, without its ending.
        author: who made it; several have made an equal file. None = unknown.
        members: names of the checkpoints, or of the files that were merged.
        combine: how they were combined, with the weights of members, and postprocessed; None when
            the file was not made here.
        validation: on validation images that nothing in it was fitted to.
        local: against the truth of the test split.
        metric: of these two scores; None without any.
        larger_is_better: whether a larger one of them is the better one.
        validation_error: standard error of `validation` over images drawn anew; None = unknown.
        local_error: that of `local`.
        public: of the public leaderboard.
        private: of the private leaderboard.
        created: UTC, ISO 8601.
    """

    name: str
    author: str | None
    members: tuple[str, ...]
    combine: str | None
    validation: float | None
    local: float | None
    metric: str | None
    larger_is_better: bool
    validation_error: float | None
    local_error: float | None
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
    decided = side_car.decided_by
    return Row(
        name=submission.name,
        author=", ".join(submission.authors) or None,
        members=(*checkpoints, *files),
        combine=_decided(side_car.combine, side_car.postprocess) if side_car.combine else None,
        validation=side_car.honest_score,
        local=side_car.score.by(decided.metric) if decided and side_car.score else None,
        metric=decided.metric if decided else None,
        larger_is_better=decided.larger_is_better if decided else True,
        # Of a fitted combination nothing says how sure its honest score is.
        validation_error=None if side_car.fitted else _error(side_car.validation, decided),
        local_error=_error(side_car.score, decided),
        public=side_car.leaderboard.public,
        private=side_car.leaderboard.private,
        created=side_car.created,
    )


def _error(scores: Scores | None, decided: FitScores | Scores | None) -> float | None:
    """Return the standard error of the scores by the metric that decided."""
    interval = scores.intervals.get(decided.metric) if scores and decided else None
    return interval.error if interval else None


def score_text(row: Row, name: str) -> str | None:
    """Return a score of a row as people read it, with its standard error where that is known."""
    score: float | None = getattr(row, name)
    error: float | None = getattr(row, f"{name}_error", None)
    if score is None:
        return None
    return f"{score:.4f}" + ("" if error is None else f" ± {error:.4f}")


def sorted_rows(rows: Sequence[Row], by: str) -> list[Row]:
    """Return the rows by one of their values, the best last, so that it is seen last.

    Args:
        rows: the rows; those without the value come first, and before the others those whose score
            is by another metric than most, as scores by different metrics have no order.
        by: name of the attribute of `Row`.
    """
    if by not in _MEASURED:
        return sorted(rows, key=lambda row: (getattr(row, by) is not None, getattr(row, by) or 0))
    usual = _usual_metric(rows, by)
    return sorted(
        rows,
        key=lambda row: (
            getattr(row, by) is not None,
            row.metric == usual,
            row.metric or "",
            _merit(row, by) or 0.0,
        ),
    )


def agreements(rows: Sequence[Row]) -> tuple[Agreement, ...]:
    """Return the agreement of each of `PAIRS`.

    Validation scores are taken of the submissions of the most frequent metric alone.
    """
    found = []
    for first, second in PAIRS:
        both = [row for row in rows if None not in (_merit(row, first), _merit(row, second))]
        if first in _MEASURED:
            usual = _usual_metric(both, first)
            both = [row for row in both if row.metric == usual]
        a, b = ([_merit(row, name) or 0.0 for row in both] for name in (first, second))
        found.append(Agreement(first, second, len(both), rank_correlation(a, b)))
    return tuple(found)


def _usual_metric(rows: Sequence[Row], by: str) -> str | None:
    metrics = Counter(row.metric for row in rows if getattr(row, by) is not None)
    return metrics.most_common(1)[0][0] if metrics else None


def _merit(row: Row, by: str) -> float | None:
    """Return a score so that larger is better; those of a leaderboard are."""
    score: float | None = getattr(row, by)
    return -score if score is not None and by in _MEASURED and not row.larger_is_better else score


def _decided(combine: ComponentSpec, postprocess: Sequence[ComponentSpec]) -> str:
    """Return "mean 0.4,0.6 + dense_crf": weights only where there is one number per member."""
    found = combine.parameters.get("weights")
    weights = found if isinstance(found, list) else []
    # A side-car may hold whole numbers that no float can.
    if not all(isinstance(weight, int | float) and abs(weight) < _LARGEST for weight in weights):
        weights = []
    shown = ",".join(f"{weight:g}" for weight in weights)
    return " + ".join((f"{combine.name} {shown}".rstrip(), *(step.name for step in postprocess)))
