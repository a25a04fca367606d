from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.miou import MIOU
from toolkit import ComponentSpec, Context, MetricScore
from toolkit.metrics.bootstrap import (
    image_draws,
    paired_difference,
    redrawn_scores,
    score_interval,
    with_intervals,
)
from toolkit.metrics.scores import build_metrics, score_counts
from toolkit.plugin.metric import Metric
from toolkit.plugin.registry import Registry


def images(n: int, right: int, seed: int) -> NDArray[np.int64]:
    """Counts of three classes of which `right` more pixels lie on the diagonal."""
    counts = np.random.default_rng(seed).integers(0, 40, (n, 3, 3))
    counts[:, range(3), range(3)] += right
    return counts


def metric_of(registry: Registry, name: str) -> Metric:
    metric: Metric = registry.build("metric", ComponentSpec(name=name), Context(("a", "b", "c")))
    return metric


@pytest.mark.parametrize("name", ["miou", "image_miou", "pixel_accuracy", "image_dice"])
def test_an_interval_is_that_of_images_drawn_one_by_one(name: str, registry: Registry) -> None:
    counts, metric = images(25, 30, 1), metric_of(registry, name)
    found = score_interval(metric, counts)
    rng = np.random.default_rng(5)
    drawn = [metric(counts[rng.integers(0, 25, 25)]).score for _ in range(4000)]
    assert found is not None
    assert found.error == pytest.approx(np.std(drawn), rel=0.15)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.6 * np.std(drawn))
    assert found.low < metric(counts).score < found.high
    assert score_interval(metric, counts) == found  # the same draws every time


@pytest.mark.parametrize("absent", ["skip", "one"])
def test_images_scored_once_have_the_intervals_of_images_scored_in_every_draw(
    absent: str, registry: Registry
) -> None:
    counts = images(40, 3, 2)
    counts[::7] = 0  # every pixel is ignored
    counts[1::3, 1:] = 0  # classes that are not in every image
    counts[1::3, :, 1:] = 0
    spec = ComponentSpec(name="image_dice", absent=absent)
    metric: Metric = registry.build("metric", spec, Context(("a", "b", "c")))

    class Slow:
        larger_is_better = True

        def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
            return metric(counts)

    draws = image_draws(len(counts))
    for quick, slow in zip(
        redrawn_scores(metric, counts, draws), redrawn_scores(Slow(), counts, draws), strict=True
    ):
        np.testing.assert_allclose(quick, slow, rtol=1e-12, equal_nan=True)


def test_the_interval_holds_the_score_of_other_images_as_often_as_it_says() -> None:
    """95 of 100 sets of images, up to what 200 sets can tell."""
    truth = MIOU(images(20_000, 30, 0)).score
    held = 0
    for seed in range(200):
        found = score_interval(MIOU, images(40, 30, 1 + seed))
        assert found is not None
        held += found.low <= truth <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_a_paired_difference_sees_what_two_intervals_do_not() -> None:
    first = images(40, 20, 1)
    second = first.copy()
    second[:, 0, 0] -= 3  # a little worse on every image
    ours, theirs = score_interval(MIOU, first), score_interval(MIOU, second)
    assert ours is not None
    assert theirs is not None
    assert ours.low < theirs.high
    found = paired_difference(MIOU, [(first, second)])
    assert found.score == MIOU(first).score - MIOU(second).score > 0
    assert not found.within_noise
    assert paired_difference(MIOU, [(second, first)]).score == -found.score
    noise = paired_difference(MIOU, [(images(40, 20, 1), images(40, 20, 2))])
    assert noise.within_noise


def test_one_image_says_nothing_of_others() -> None:
    one = images(1, 20, 1)
    assert score_interval(MIOU, one) is None
    assert paired_difference(MIOU, [(one, one)]).within_noise


def test_a_score_that_should_fall_gains_by_falling() -> None:
    class Errors:
        larger_is_better = False

        def __call__(self, counts: NDArray[np.int64]) -> object:
            from toolkit import MetricScore

            return MetricScore(1 - MIOU(counts).score)

    first, second = images(30, 40, 1), images(30, 10, 2)
    found = paired_difference(Errors(), [(first, second)])  # type: ignore[arg-type]
    expected = paired_difference(MIOU, [(first, second)])
    assert found.score == pytest.approx(expected.score)
    assert found.interval is not None
    assert expected.interval is not None
    assert found.interval.low == pytest.approx(expected.interval.low)


def test_every_metric_has_an_interval(registry: Registry) -> None:
    metrics = build_metrics(registry, None, Context(("a", "b", "c")))
    counts = images(12, 20, 3)
    found = with_intervals(score_counts(counts, metrics), counts, metrics)
    assert found.intervals.keys() == found.metrics.keys() == metrics.by_name.keys()
