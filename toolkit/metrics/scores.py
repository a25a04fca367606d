"""The scores of counted images: all built-in metrics, of which the recipe's one decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError, UsageError
from toolkit.metrics.formulas import class_ious, class_recalls, foreground_iou, mean_of_known
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import component_text
from toolkit.plugin.discovery import BUILTIN
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import Metric
from toolkit.plugin.registry import Registry

DEFAULT = "miou"
"""The metric of recipes that name none, and of everything that was scored before they could."""


@dataclass(frozen=True)
class Metrics:
    """The metrics of a contest.

    Attributes:
        deciding: what the deciding one is called: its name, with the parameters of the recipe.
        by_name: the deciding one first, then the built-in ones with their defaults.
    """

    deciding: str
    by_name: Mapping[str, Metric]

    @property
    def metric(self) -> Metric:
        """The one that decides."""
        return self.by_name[self.deciding]


def build_metrics(registry: Registry, spec: ComponentSpec | None, context: Context) -> Metrics:
    """Build the metric that a recipe names, and the built-in ones to be shown beside it.

    Args:
        registry: the components.
        spec: `metric` of the recipe; None = `DEFAULT`.
        context: knows the classes.

    Raises:
        UsageError: no such metric, or a parameter is wrong.
    """
    spec = spec or ComponentSpec(name=DEFAULT)
    entry = registry.find("metric", spec.name)
    deciding = component_text(spec) if spec.parameters else entry.name
    found: dict[str, Metric] = {deciding: registry.build("metric", spec, context)}
    for entry in registry.entries("metric"):
        if entry.source != BUILTIN or entry.name in found:
            continue
        try:
            found[entry.name] = registry.build("metric", ComponentSpec(name=entry.name), context)
        except UsageError:  # with these classes it has nothing to say: there is no foreground
            continue
    return Metrics(deciding, found)


@dataclass(frozen=True)
class Interval:
    """How far a figure would be another one on other images of the same kind.

    Attributes:
        error: its standard error.
        low: lower end of the 95 % interval (percentiles of the draws).
        high: upper end.
    """

    error: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """Scores of one set of images.

    Attributes:
        mean_iou: mean of `iou` over the classes that have one, background included.
        iou: intersection over union per label; None where neither target nor prediction has the
            class, 0 where only the prediction has it.
        accuracy: share of the pixels that are right.
        mean_class_accuracy: mean over the target's classes of the share that is right.
        foreground_iou: IoU of "any class" against background; None without any foreground.
        metric: name of the metric that decides.
        metrics: score by every metric, the deciding one first; None where it has none.
        intervals: how sure each of these is; empty where nobody asked.
    """

    mean_iou: float
    iou: tuple[float | None, ...]
    accuracy: float
    mean_class_accuracy: float
    foreground_iou: float | None
    metric: str = DEFAULT
    metrics: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)

    @property
    def deciding(self) -> float:
        """The score by the metric that decides."""
        score = self.metrics.get(self.metric)
        return self.mean_iou if score is None else score


def score_counts(counts: NDArray[np.int64], metrics: Metrics | None = None) -> Scores:
    """Return the scores of counted images.

    Args:
        counts: int64 (images, C, C), rows truth, columns predictions.
        metrics: of the contest; None = the mIoU and its parts alone.

    Raises:
        TrashError: no pixel was counted, or the deciding metric has no value on these images.
    """
    total = counts.sum(0)
    pixels = int(total.sum())
    if pixels == 0:
        raise TrashError("no pixel to score: there are no images, or every pixel is ignored")
    metrics = metrics or Metrics(DEFAULT, {})
    by_name = {name: metric(counts).score for name, metric in metrics.by_name.items()}
    if math.isnan(by_name.get(metrics.deciding, 0.0)):
        raise TrashError(
            f"the metric {metrics.deciding} has no value on these {len(counts)} images: none of "
            "the classes that count is in them",
            "Choose another [metric] in the recipe, or other classes for it.",
        )
    iou = class_ious(total)
    return Scores(
        mean_iou=float(mean_of_known(iou, np.ones(len(iou)))),
        iou=tuple(map(_known, iou.tolist())),
        accuracy=int(np.trace(total)) / pixels,
        mean_class_accuracy=float(mean_of_known(class_recalls(total), np.ones(len(iou)))),
        foreground_iou=_known(foreground_iou(total)),
        metric=metrics.deciding,
        metrics={name: _known(score) for name, score in by_name.items()},
    )


def stored_score(scores: Mapping[str, Any], name: str | None = None) -> float | None:
    """Return a score that a JSON file holds of `Scores`; None where it holds none by this metric.

    Args:
        scores: the stored values; files of before recipes could name a metric hold the mIoU alone.
        name: of the metric; None = the one that decided.
    """
    name = name or str(scores.get("metric", DEFAULT))
    score: float | None = scores.get("metrics", {}).get(name)
    return scores["mean_iou"] if score is None and name == DEFAULT else score


def metric_title(name: str) -> str:
    """Return what people call a metric: mIoU, or its name in recipes."""
    return "mIoU" if name == DEFAULT else name


def also_miou(name: str, miou: float) -> str:
    """Return ", mIoU 0.1234" to follow the score by another metric; empty after the mIoU itself."""
    return "" if name == DEFAULT else f", mIoU {miou:.4f}"


def with_error(scores: Scores) -> str:
    """Return the deciding score as people read it: 0.7123 ± 0.0110, its standard error."""
    interval = scores.intervals.get(scores.metric)
    return f"{scores.deciding:.4f}" + (f" ± {interval.error:.4f}" if interval else "")


def merit(metric: Metric, score: float) -> float:
    """Return a score so that larger is better, whatever the metric."""
    return score if metric.larger_is_better else -score


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
