"""Answers of a plugin's metric that would do harm later: each is refused and the metric named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit import Component, ComponentSpec, Context, MetricScore, TrashError
from toolkit.metrics.scores import build_metrics, metric_name, stored_metric
from toolkit.plugin.metric import ScoresImages
from toolkit.plugin.registry import BUILTIN, Entry, Registry

CONTEXT = Context(("Background", "Paper"))
COUNTS = np.array([[[3, 1], [0, 2]], [[1, 0], [2, 2]]])


class Answers:
    """Says always the same."""

    def __init__(self, answer: object, larger: object = True) -> None:
        self.answer = answer
        self.larger_is_better = larger

    def __call__(self, counts: NDArray[np.int64]) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def registry_of(registry: Registry, *components: Component) -> Registry:
    return Registry([*registry.entries(), *(Entry("metric", each, "lab") for each in components)])


def answering(name: str, answer: object, larger: object = True) -> Component:
    def make(context: Context) -> Answers:
        return Answers(answer, larger)

    return Component(name, make, "")


def made_of(registry: Registry, answer: object, larger: object = True) -> Any:
    every = registry_of(registry, answering("mine", answer, larger))
    return build_metrics(every, ComponentSpec(name="mine"), CONTEXT).metric


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (0.5, "returned float, not MetricScore"),
        (MetricScore("high"), "returned a score of str, not a float"),  # type: ignore[arg-type]
        (MetricScore(float("inf")), "returned inf"),
        (MetricScore(0.5, np.ones(3)), r"returned figures of shape \(3,\), not \(2,\)"),
        (MetricScore(0.5, np.array([1, np.inf])), "returned an infinite figure"),
        (MetricScore(0.5, np.array(["a", "b"])), "returned classes that are no numbers"),
        (ZeroDivisionError("division by zero"), "failed: ZeroDivisionError: division by zero"),
    ],
)
def test_an_answer_that_would_do_harm_is_refused(
    registry: Registry, answer: object, message: str
) -> None:
    with pytest.raises(TrashError, match=f"the metric mine {message}"):
        made_of(registry, answer)(COUNTS)


def test_a_metric_without_direction_is_refused(registry: Registry) -> None:
    with pytest.raises(TrashError, match="the metric mine says larger_is_better = 'yes'"):
        made_of(registry, MetricScore(0.5), "yes")


@pytest.mark.parametrize("score", [1, np.float32(1), np.int64(1), True])
def test_every_number_becomes_a_float(registry: Registry, score: Any) -> None:
    found = made_of(registry, MetricScore(score, np.array([1, 0])))(COUNTS)
    assert (type(found.score), found.score) == (float, 1.0)
    assert found.classes.dtype == np.float64


class Spoils(Answers):
    """Changes the counts, which others are scored by."""

    def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
        counts[:] = 0
        return MetricScore(0.5)

    def image_figures(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        raise KeyError("figures")


def test_counts_cannot_be_changed_and_figures_of_images_are_looked_at(registry: Registry) -> None:
    def make(context: Context) -> Spoils:
        return Spoils(None)

    every = registry_of(registry, Component("mine", make, ""))
    metric = build_metrics(every, ComponentSpec(name="mine"), CONTEXT).metric
    counts = COUNTS.copy()
    with pytest.raises(TrashError, match=r"the metric mine failed: ValueError: .* read-only"):
        metric(counts)
    assert np.array_equal(counts, COUNTS)
    assert isinstance(metric, ScoresImages)
    with pytest.raises(TrashError, match="the metric mine failed: KeyError: 'figures'"):
        metric.image_figures(counts)


def test_no_score_is_an_answer(registry: Registry) -> None:
    assert np.isnan(made_of(registry, MetricScore(float("nan")))(COUNTS).score)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ({"name": "miou"}, "miou"),
        ({"name": "mean_iou"}, "miou"),
        ({"name": "builtin:dice"}, "dice"),
        ({"name": "dice", "background": False}, "dice"),
        ({"name": "dice", "weights": {"Paper": 2}}, 'dice:weights={"Paper" = 2.0}'),
        ({"name": "lab:other"}, "other"),
    ],
)
def test_equal_metrics_have_one_name(registry: Registry, text: dict[str, Any], name: str) -> None:
    every = registry_of(registry, answering("other", MetricScore(1.0)))
    spec = ComponentSpec(**text)
    assert metric_name(every, spec) == name
    assert metric_name(every, stored_metric(every, name)) == name
    assert build_metrics(every, spec, CONTEXT).deciding == name


def test_a_plugin_of_a_built_in_name_takes_nothing_from_it(registry: Registry) -> None:
    every = registry_of(registry, *(answering(each, MetricScore(7.0)) for each in ("miou", "dice")))
    found = build_metrics(every, ComponentSpec(name="lab:miou"), CONTEXT)
    assert found.deciding == "lab:miou"
    scores = {name: metric(COUNTS).score for name, metric in found.by_name.items()}
    plain = build_metrics(registry, None, CONTEXT).by_name
    assert scores.pop("lab:miou") == 7
    assert scores == {name: metric(COUNTS).score for name, metric in plain.items()}
    assert build_metrics(every, None, CONTEXT).deciding == "miou"
    # A file's plain name is that of the built-in one, whatever plugins came later.
    assert stored_metric(every, "miou") == ComponentSpec(name=f"{BUILTIN}:miou")
    assert stored_metric(every, "lab:miou") == ComponentSpec(name="lab:miou")


def test_abilities_are_kept(registry: Registry) -> None:
    by_name = build_metrics(registry, None, CONTEXT).by_name
    assert [name for name, each in by_name.items() if isinstance(each, ScoresImages)] == [
        "image_miou",
        "image_dice",
    ]
