"""The table of a study, for a terminal, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.experiment.study.scores import StudyRow, best_first, gain, spread
from toolkit.metrics.scores import metric_title
from toolkit.tables import csv_text


def table(rows: Sequence[StudyRow], *, per_class: bool) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows, best variant first; gains are over the first variant."""
    first = rows[0]
    has_test = any(outcome.test is not None for outcome in first.outcomes)
    has_interval = any(_interval(row) for row in rows)
    has_original = any(row.original is not None for row in rows)
    has_time = any(row.seconds is not None for row in rows)
    names = first.class_names if per_class else ()
    gained_on = "test" if has_test else "validation"
    title = metric_title(first.metric)
    columns = [
        *("variant", "runs", *([f"test {title}"] if has_test else []), f"validation {title}"),
        f"{gained_on} gain over {first.name}",
        *(["95 % over images"] if has_interval else []),
        *(["original"] if has_original else []),
        *(["time"] if has_time else []),
    ]
    lines = []
    for row in best_first(rows):
        tests = [str(spread([outcome.test for outcome in row.outcomes]))] if has_test else []
        validation = spread([outcome.validation for outcome in row.outcomes])
        original = "-" if row.original is None else f"{row.original:.4f}"
        lines.append(
            [
                *(row.name, str(len(row.outcomes)), *tests, str(validation)),
                "-" if row is first else str(gain(row, first)),
                *([_interval(row) or "-"] if has_interval else []),
                *([original] if has_original else []),
                *([_time(row.seconds)] if has_time else []),
                *(str(spread([o.iou[label] for o in row.outcomes])) for label in range(len(names))),
            ]
        )
    return [*columns, *names], lines


def class_table(rows: Sequence[StudyRow]) -> tuple[list[str], list[list[str]]]:
    """Return columns and rows of the IoU of every class: a row per class, a column per variant."""
    ordered = best_first(rows)
    label_rows = [
        [name, *(str(spread([o.iou[label] for o in row.outcomes])) for row in ordered)]
        for label, name in enumerate(rows[0].class_names)
    ]
    return ["IoU of the class", *(row.name for row in ordered)], label_rows


def csv_of_runs(rows: Sequence[StudyRow]) -> str:
    """Return a line per run: variant, seed, run, scores, seconds and the IoU of every class."""
    records = [
        {
            "variant": row.name,
            "recipe": row.recipe,
            "seed": one.seed,
            "run": one.run,
            "metric": row.metric,
            "validation": one.validation,
            "test": one.test,
            "seconds": one.seconds,
            **dict(zip((f"iou.{name}" for name in row.class_names), one.iou, strict=True)),
        }
        for row in rows
        for one in row.outcomes
    ]
    columns = list(dict.fromkeys(key for record in records for key in record))
    return csv_text(columns, records)


def _interval(row: StudyRow) -> str:
    over = row.over_first
    if over is None or over.interval is None:
        return ""
    return f"{over.interval.low:+.4f} … {over.interval.high:+.4f}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
