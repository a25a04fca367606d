"""The studies of the team as rows: what was compared, and what was best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.records.catalogue import StoredRecord
from toolkit.records.figures import figure
from toolkit.records.record import StudyRecord
from toolkit.records.run_listing import recipe_name


@dataclass(frozen=True)
class StudyResult:
    """One study that was run; None = an unknown score.

    Attributes:
        record: name of its record: "AUTHOR/NAME-DIGITS".
        author: who ran it.
        study: its file as it is called below `recipes/`; None = recipes without a study.
        title: of the study.
        variants: number of its variants.
        records: names of the records of its runs.
        metric: by which they are compared.
        larger_is_better: whether a larger score by it is the better one.
        best: the variant that gained most over the first one, or the first one.
        gain: what it gained: mean ± spread; "" = nothing did.
        validation: mean of its validation scores.
        test: mean of its test scores.
        created: UTC, ISO 8601.
    """

    record: str
    author: str
    study: str | None
    title: str
    variants: int
    records: tuple[str, ...]
    metric: str
    larger_is_better: bool
    best: str
    gain: str
    validation: float | None
    test: float | None
    created: str


def result_of_study(stored: StoredRecord[StudyRecord]) -> StudyResult:
    """Return what came of one study; what its record does not say is left unknown."""
    record = stored.record
    first: Mapping[str, Any] = record.rows[0] if record.rows else {}
    best, gain = first, 0.0
    for row in record.rows[1:]:
        mean = figure(row, "gain", "mean")
        if mean is not None and mean > gain:
            best, gain = row, mean
    deviation = figure(best, "gain", "deviation")
    told = f"{gain:+.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")
    return StudyResult(
        record=stored.name,
        author=record.author,
        study=None if record.study is None else recipe_name(record.study),
        title=record.title,
        variants=len(record.rows),
        records=tuple(_runs(record)),
        metric=record.metric,
        larger_is_better=record.larger_is_better,
        best=str(best.get("name", "")),
        gain="" if best is first else told,
        validation=figure(best, "validation", "mean"),
        test=figure(best, "test", "mean"),
        created=record.created,
    )


def _runs(record: StudyRecord) -> list[str]:
    found = []
    for row in record.rows:
        outcomes = row.get("outcomes")
        for each in outcomes if isinstance(outcomes, list) else ():
            if isinstance(each, dict) and isinstance(each.get("record"), str):
                found.append(each["record"])
    return found
