"""Scores on the terminal: by every metric and class, and differences within noise or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.cli import console

if TYPE_CHECKING:
    from toolkit.metrics.bootstrap import PairedDifference
    from toolkit.metrics.scores import Scores
    from toolkit.report.class_figures import ClassFigures


def print_metrics(scores: Scores) -> None:
    """Print the score by every metric, with its standard error."""
    from toolkit.metrics.scores import metric_title

    errors = {name: each.error for name, each in scores.intervals.items()}
    figures = [
        (metric_title(name), score, errors.get(name, "")) for name, score in scores.metrics.items()
    ]
    console.print_table(("metric", "score", "±"), figures, numeric=("score", "±"))
    console.print_result("")


def print_class_figures(classes: Sequence[ClassFigures]) -> None:
    """Print the IoU of every class, its errors of both kinds, and in how many images it is."""
    rows = [
        (
            each.name,
            each.iou,
            each.interval.error if each.interval else "",
            each.recall,
            each.precision,
            each.images,
        )
        for each in classes
    ]
    heads = ("class", "IoU", "±", "recall", "precision", "images")
    console.print_table(heads, rows, numeric=heads[1:])


def print_difference(found: PairedDifference, one: str, other: str, metric: str) -> None:
    """Print how much better `one` is than `other`; where `one` is empty it is what was named."""
    from toolkit.metrics.scores import metric_title

    title = metric_title(metric)
    subject = f"{one}: " if one else ""
    if found.score is None:
        text = f"no comparison with {other}: one of them has no {title}"
    elif found.score == 0:
        text = f"the same {title} as {other}"
    else:
        verdict = "better" if found.score > 0 else "worse"
        noise = ": within noise" if found.within_noise else ""
        interval = found.interval
        sure = f", 95 % interval {interval.low:+.4f} to {interval.high:+.4f}" if interval else ""
        text = f"{abs(found.score):.4f} {verdict} than {other} by {title}{sure}{noise}"
    console.print_result(f"{subject}{text}")
