"""A table of the team's series: one recipe, run with several seeds or folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.records.catalogue import StoredRecord
from toolkit.records.figures import figure
from toolkit.records.record import SeriesRecord
from toolkit.records.run_listing import recipe_name


@dataclass(frozen=True)
class SeriesRow:
    """One series; None = an unknown score.

    Attributes:
        record: name of its record: "AUTHOR/NAME-DIGITS".
        series: what it is called on its author's machine.
        author: who ran it.
        recipe: the recipe, as it is called below `recipes/`.
        title: of the recipe.
        runs: number of its runs.
        records: of its runs, as far as they are known.
        metric: that decides.
        larger_is_better: whether a larger score by it is the better one.
        validation: mean of the runs' scores on the validation split.
        deviation: standard deviation of these.
        out_of_fold: score of all held-out images together.
        test: score of the submission of all runs together, where the truth is known.
        submission: name of the submission's file; None = there is none.
        created: UTC, ISO 8601.
    """

    record: str
    series: str
    author: str
    recipe: str
    title: str
    runs: int
    records: tuple[str, ...]
    metric: str
    larger_is_better: bool
    validation: float | None
    deviation: float | None
    out_of_fold: float | None
    test: float | None
    submission: str | None
    created: str


def row_of_series(stored: StoredRecord[SeriesRecord]) -> SeriesRow:
    """Return the row of one series; what its summary does not say is left unknown."""
    record = stored.record
    summary = record.summary
    metric = summary.get("metric")
    metric = metric if isinstance(metric, str) else DEFAULT_METRIC
    listed = summary.get("runs")
    runs = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    out_of_fold = summary.get("out_of_fold")
    file = summary.get("submission")
    return SeriesRow(
        record=stored.name,
        series=record.name,
        author=record.author,
        recipe=recipe_name(record.recipe),
        title=record.title,
        runs=len(runs),
        records=tuple(each["record"] for each in runs if isinstance(each.get("record"), str)),
        metric=metric,
        larger_is_better=not isinstance(out_of_fold, dict)
        or out_of_fold.get("larger_is_better") is not False,
        validation=figure(summary, "validation", "mean"),
        deviation=figure(summary, "validation", "deviation"),
        out_of_fold=_out_of_fold(summary, metric),
        test=figure(summary, "submission_score"),
        submission=PurePosixPath(file).name if isinstance(file, str) else None,
        created=record.created,
    )


def sorted_series(rows: Sequence[SeriesRow]) -> list[SeriesRow]:
    """Return the rows by age, the newest last."""
    return sorted(rows, key=lambda row: row.created)


def _out_of_fold(summary: Mapping[str, Any], metric: str) -> float | None:
    by_metric = figure(summary, "out_of_fold", "metrics", metric)
    # The scores of a series of before recipes could name a metric hold the mIoU alone.
    is_miou = metric == DEFAULT_METRIC
    return (
        figure(summary, "out_of_fold", "mean_iou") if by_metric is None and is_miou else by_metric
    )


def mean_text(row: SeriesRow) -> str | None:
    """Return the mean of a series' validation scores, ± their deviation where there is one."""
    if row.validation is None:
        return None
    return f"{row.validation:.4f}" + ("" if row.deviation is None else f" ± {row.deviation:.4f}")
