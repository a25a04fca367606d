"""The page of predictions against a truth: of checkpoints, or of submission files."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import __version__
from toolkit.data.split import Split
from toolkit.experiment.execution.manifest import now
from toolkit.metrics.bootstrap import PairedDifference, paired_difference
from toolkit.metrics.scores import Metrics, Scores, metric_title, without_value
from toolkit.report.class_figures import ClassFigures, class_figures
from toolkit.report.comparison_report import ComparedPredictions, write_comparison_page
from toolkit.report.image_cards import ShownLabels
from toolkit.report.page import write_page
from toolkit.report.run_content import counted_column, score_rows
from toolkit.report.scored_images import (
    Probabilities,
    pictures_of,
    scored_content,
    scored_sections,
)
from toolkit.submission.score import scores_of

_LONGEST = 100
"""Characters of the names in a file name."""


@dataclass(frozen=True)
class Evaluated:
    """Predictions whose pixels are counted.

    Attributes:
        name: for people.
        counts: of every image, see `Counting`.
        facts: (name, value) of how they were made.
        probabilities: what is known of them; None for a submission file.
        members: (name, counts) of the members of an ensemble, each alone.
    """

    name: str
    counts: NDArray[np.int64]
    facts: tuple[tuple[str, str], ...]
    probabilities: Probabilities | None = None
    members: tuple[tuple[str, NDArray[np.int64]], ...] = ()


@dataclass(frozen=True)
class EvaluationResult:
    """One or more predictions of the same images against their truth.

    Attributes:
        evaluated: the predictions.
        truth: where the true labels are from, for people.
        image_ids: the images, in the order of the counts.
        metrics: of the contest.
        size: (height, width) that is scored, pixels.
        photos: the images in the order of the counts; None = their photos are not here.
        labels: returns those of the images at some positions, of the first two predictions.
        warnings: what a reader must know before believing the figures.
    """

    evaluated: tuple[Evaluated, ...]
    truth: str
    image_ids: tuple[str, ...]
    metrics: Metrics
    size: tuple[int, int]
    photos: Split | None
    labels: Callable[[Sequence[int]], ShownLabels]
    warnings: tuple[str, ...] = ()

    @property
    def page_name(self) -> str:
        """The file name of the page by default."""
        names = "+".join(each.name for each in self.evaluated)
        return f"evaluation-{re.sub(r'[/@*:+ ]+', '-', names)[:_LONGEST]}.html"

    def scores(self) -> list[Scores]:
        """Return the scores of each, with their intervals."""
        return [scores_of(each.counts, self.metrics) for each in self.evaluated]

    def over_first(self) -> list[PairedDifference]:
        """Return how much better each of the others is than the first, by the deciding metric."""
        first, *others = self.evaluated
        return [
            paired_difference(self.metrics.metric, [(each.counts, first.counts)]) for each in others
        ]

    def classes(self) -> list[list[ClassFigures]]:
        """Return the figures of every class, for each."""
        return [class_figures(each.counts, self.metrics.class_names) for each in self.evaluated]

    def as_json(self) -> dict[str, Any]:
        """Return all figures as plain values."""
        others = [
            {"over_first": asdict(each) | {"within_noise": each.within_noise}}
            for each in self.over_first()
        ]
        found = []
        for each, scores, classes, over in zip(
            self.evaluated, self.scores(), self.classes(), [{}, *others], strict=True
        ):
            iou = dict(zip(self.metrics.class_names, scores.iou, strict=True))
            figures = {row.name: _plain(row) for row in classes}
            found.append(
                {"name": each.name} | asdict(scores) | {"iou": iou, "classes": figures} | over
            )
        return {
            "truth": self.truth,
            "images": len(self.image_ids),
            "size": list(self.size),
            "warnings": list(self.warnings),
            "evaluated": found,
        }


def undecided(evaluated: Sequence[Evaluated], metrics: Metrics) -> list[str]:
    """Return which predictions have no score by the metric that decides, and why."""
    return [
        f"{each.name}: {without_value(metrics, each.counts)}"
        for each in evaluated
        if math.isnan(metrics.metric(each.counts).score)
    ]


def _plain(row: ClassFigures) -> dict[str, Any]:
    left_out = ("label", "name", "colour", "taken_for", "really")
    return {key: value for key, value in asdict(row).items() if key not in left_out}


def write_evaluation(path: Path, evaluation: EvaluationResult) -> None:
    """Write the page of one prediction, or of several side by side.

    Args:
        path: the HTML file.
        evaluation: what it shows.

    Raises:
        UsageError: a photo cannot be read.
    """
    if len(evaluation.evaluated) > 1:
        write_comparison_page(
            path,
            [ComparedPredictions(each.name, each.counts) for each in evaluation.evaluated],
            evaluation.metrics,
            evaluation.photos,
            evaluation.labels,
            what="comparison of predictions",
            images=f"images of {evaluation.truth}",
            warnings=evaluation.warnings,
        )
        return
    (only,) = evaluation.evaluated
    metrics = evaluation.metrics
    pictures = None
    if evaluation.photos is not None:
        pictures = pictures_of(
            evaluation.photos, only.counts, metrics, evaluation.labels, only.probabilities
        )
    scored = scored_content(only.counts, metrics, pictures, f"images of {evaluation.truth}")
    columns = [counted_column("combined" if only.members else "score", only.counts, metrics)]
    columns += [counted_column(name, counts, metrics) for name, counts in only.members]
    rows = score_rows(metrics, columns)
    height, width = evaluation.size
    (deciding,) = (row.columns[0] for row in rows if row.decides)
    n_images = len(evaluation.image_ids)
    write_page(
        path,
        "evaluation.html",
        title=only.name,
        what="evaluation",
        warnings=list(evaluation.warnings),
        sections=[("scores", "Scores"), *scored_sections(scored), ("origin", "What was evaluated")],
        footer=f"Written {now()} by trash {__version__}.",
        tiles=[(metric_title(metrics.deciding), deciding), ("images", str(n_images))],
        score_columns=[title for title, *_ in columns],
        score_rows=rows,
        facts=[
            *only.facts,
            ("truth", evaluation.truth),
            ("images", str(n_images)),
            ("scored at", f"{height} × {width} pixels"),
            ("metric that decides", metrics.deciding),
        ],
        **scored,
    )
