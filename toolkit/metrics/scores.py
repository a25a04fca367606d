"""The scores of counted images: all built-in metrics, of which the recipe's one decides."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError, UsageError
from toolkit.metrics.checked import CheckedMetric, checked
from toolkit.metrics.confusion import Counting
from toolkit.metrics.formulas import (
    all_pixels,
    class_ious,
    class_recalls,
    foreground_iou,
    mean_of_known,
)
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.component_text import component_text, parse_component
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import DEFAULT_METRIC, Metric, ScoresImages
from toolkit.plugin.registry import BUILTIN, Registry
from toolkit.wording import counted, some_of

NO_PIXEL = "no pixel to score: there are no images, or every pixel is ignored"


@dataclass(frozen=True)
class Metrics:
    """The metrics of a contest.

    Attributes:
        deciding: what the deciding one is called: its name, with the parameters of the recipe.
        by_name: the deciding one first, then the built-in ones with their defaults.
        class_names: index = label.
    """

    deciding: str
    by_name: Mapping[str, CheckedMetric]
    class_names: tuple[str, ...]

    @property
    def boundary(self) -> float | None:
        """How wide a boundary is for the deciding one, see `Counting`."""
        return self.metric.boundary

    def counting(self, ignore_index: int) -> Counting:
        """Return how the pixels of images are counted for these metrics."""
        return Counting(len(self.class_names), ignore_index, self.boundary)

    @property
    def metric(self) -> CheckedMetric:
        """The one that decides."""
        return self.by_name[self.deciding]


def build_metrics(registry: Registry, spec: ComponentSpec | None, context: Context) -> Metrics:
    """Build the metric that a recipe names, and the built-in ones to be shown beside it.

    Args:
        registry: the components.
        spec: `metric` of the recipe; None = `DEFAULT_METRIC`.
        context: knows the classes.

    Raises:
        UsageError: no such metric, or a parameter is wrong.
    """
    spec = spec or _built_in(DEFAULT_METRIC)
    deciding = metric_name(registry, spec)
    found = {deciding: checked(deciding, registry.build("metric", spec, context))}
    for name in shown_metrics(registry):
        if name in found:
            continue
        try:
            found[name] = checked(name, registry.build("metric", _built_in(name), context))
        except UsageError:  # with these classes it has nothing to say: there is no foreground
            continue
    return Metrics(deciding, found, context.class_names)


def metric_name(registry: Registry, spec: ComponentSpec | None) -> str:
    """Return what a metric is called beside its scores, however a recipe wrote it.

    Equal metrics have one name, and others another: the name of a plugin's metric that is called as
    a built-in one begins with the plugin's.

    Raises:
        UsageError: no such metric, or several with that name.
    """
    return component_text(registry.canonical("metric", spec or _built_in(DEFAULT_METRIC)))


def stored_metric(registry: Registry, name: str) -> ComponentSpec:
    """Return the metric that a file means by what `metric_name` once returned."""
    spec = parse_component(name)
    # Whatever plugins there are now: a plugin's metric of that name was called by its source.
    is_built_in = spec.name in _built_in_names(registry)
    return ComponentSpec(name=f"{BUILTIN}:{spec.name}", **spec.parameters) if is_built_in else spec


def shown_metrics(registry: Registry) -> list[str]:
    """Return the names of the metrics that everything is scored by: those built in.

    `boundary_iou` is not among them: it needs four times the counts, which are taken where it
    decides alone.
    """
    return [name for name in _built_in_names(registry) if name != "boundary_iou"]


def _built_in_names(registry: Registry) -> list[str]:
    return [entry.name for entry in registry.entries("metric") if entry.source == BUILTIN]


def _built_in(name: str) -> ComponentSpec:
    return ComponentSpec(name=f"{BUILTIN}:{name}")


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
        larger_is_better: whether a larger score is the better one by the metric that decides.
    """

    mean_iou: float
    iou: tuple[float | None, ...]
    accuracy: float
    mean_class_accuracy: float
    foreground_iou: float | None
    metric: str = DEFAULT_METRIC
    metrics: dict[str, float | None] = field(default_factory=dict)
    intervals: dict[str, Interval] = field(default_factory=dict)
    larger_is_better: bool = True

    def by(self, metric: str) -> float | None:
        """Return the score by a metric; None where it has none, or nobody asked."""
        if metric == DEFAULT_METRIC:  # before recipes could name a metric, it was the only one
            return self.metrics.get(metric, self.mean_iou)
        return self.metrics.get(metric)

    @property
    def deciding(self) -> float | None:
        """The score by the metric that decides; None where it has no value on these images."""
        return self.by(self.metric)


def score_counts(counts: NDArray[np.int64], metrics: Metrics | None = None) -> Scores:
    """Return the scores of counted images.

    Args:
        counts: of every image, rows truth, columns predictions, int64 (images, C, C) or, see
            `Counting`, (images, 4, C, C).
        metrics: of the contest; None = the mIoU and its parts alone.

    Raises:
        TrashError: no pixel was counted.
    """
    total = all_pixels(counts).sum(0)
    pixels = int(total.sum())
    if pixels == 0:
        raise TrashError(NO_PIXEL)
    by_name = metrics.by_name if metrics else {}
    iou = class_ious(total)
    return Scores(
        mean_iou=float(mean_of_known(iou, np.ones(len(iou)))),
        iou=tuple(map(_known, iou.tolist())),
        accuracy=int(np.trace(total)) / pixels,
        mean_class_accuracy=float(mean_of_known(class_recalls(total), np.ones(len(iou)))),
        foreground_iou=_known(foreground_iou(total)),
        metric=metrics.deciding if metrics else DEFAULT_METRIC,
        metrics={name: _known(metric(counts).score) for name, metric in by_name.items()},
        larger_is_better=metrics.metric.larger_is_better if metrics else True,
    )


def require_value(scores: Scores, metrics: Metrics, counts: NDArray[np.int64]) -> float:
    """Return the score by the metric that decides.

    Args:
        scores: of these counts.
        metrics: of the contest.
        counts: int64 (images, C, C), rows truth, columns predictions.

    Raises:
        TrashError: it has none on these images.
    """
    if scores.deciding is None:
        raise TrashError(
            without_value(metrics, counts),
            "Choose another [metric] in the recipe, or other classes for it.",
        )
    return scores.deciding


def why_undecided(metrics: Metrics, truth: NDArray[np.int64], images: str) -> str | None:
    """Return why the deciding metric can choose nothing by some images; None = it can.

    It cannot where even predictions that are right everywhere have no score.

    Args:
        metrics: of the contest.
        truth: pixels of each class in each image, int64 (images, C).
        images: what they are of: "val", "fold 0".

    Raises:
        TrashError: the metric fails, or gives something else than it must.
    """
    metric = metrics.metric
    counts = right_counts(truth, metric)
    if isinstance(metric, ScoresImages):
        metric.image_figures(counts)  # nothing else asks for them before the training is over
    if not math.isnan(metric(counts).score):
        return None
    return f"{without_value(metrics, counts, images)}, however good the predictions are"


def right_counts(truth: NDArray[np.int64], metric: CheckedMetric) -> NDArray[np.int64]:
    """Return the counts of images that are predicted right everywhere, see `Counting`.

    For a metric that looks at boundaries every pixel is near one.

    Args:
        truth: pixels of each class in each image, int64 (images, C).
        metric: looks at them.
    """
    counts = truth[:, :, None] * np.eye(truth.shape[1], dtype=np.int64)
    if metric.boundary is None:
        return counts
    return np.stack([*(np.zeros_like(counts),) * 3, counts], axis=1)


def without_value(metrics: Metrics, counts: NDArray[np.int64], images: str = "") -> str:
    """Return the message that the deciding metric has no value on counted images.

    Args:
        metrics: of the contest.
        counts: int64 (images, C, C), rows truth, columns predictions.
        images: what they are of: "val", "fold 0".
    """
    present = [
        metrics.class_names[label] for label in np.flatnonzero(all_pixels(counts).sum((0, 2)))
    ]
    where = counted(len(counts), "image", "images") + (f" of {images}" if images else "")
    return (
        f"the metric {metrics.deciding} has no value on {where}, "
        f"whose classes are {some_of(present) or 'none'}"
    )


def stored_score(scores: Mapping[str, Any], name: str | None = None) -> float | None:
    """Return a score that a JSON file holds of `Scores`; None where it holds none by this metric.

    Args:
        scores: the stored values; files of before recipes could name a metric hold the mIoU alone.
        name: of the metric; None = the one that decided.
    """
    name = name or str(scores.get("metric", DEFAULT_METRIC))
    score: float | None = scores.get("metrics", {}).get(name)
    return scores["mean_iou"] if score is None and name == DEFAULT_METRIC else score


def metric_title(name: str) -> str:
    """Return what people call a metric: mIoU, or its name in recipes."""
    return "mIoU" if name == DEFAULT_METRIC else name


def by_other_metrics(metrics: Mapping[str, float | None], deciding: str) -> list[str]:
    """Return the scores by the metrics that do not decide: "dice 0.7012", "fwiou 0.6543", …."""
    return [
        f"{metric_title(name)} {score:.4f}"
        for name, score in metrics.items()
        if name != deciding and score is not None
    ]


def with_error(scores: Scores) -> str:
    """Return the deciding score as people read it: 0.7123 ± 0.0110, its standard error."""
    if scores.deciding is None:
        return "-"
    interval = scores.intervals.get(scores.metric)
    return f"{scores.deciding:.4f}" + (f" ± {interval.error:.4f}" if interval else "")


def image_scores(metric: Metric, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what a metric says of every image alone, (images,); NaN where it has no value."""
    if isinstance(metric, ScoresImages):
        return metric.image_figures(counts)[:, 0]
    return np.array([metric(each).score for each in counts[:, None]])


def merit(metric: Metric, score: float) -> float:
    """Return a score so that larger is better, whatever the metric; no score is worse than any."""
    return -math.inf if math.isnan(score) else direction(metric) * score


def direction(metric: Metric) -> int:
    """Return 1 where a larger score is better, -1 where a smaller one is."""
    return 1 if metric.larger_is_better else -1


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
