"""The recipe's metric decides a search: every score against a slow count image by image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.slow_factors import fitted_slowly
from toolkit import ComponentSpec, Context
from toolkit.metrics.checked import checked
from toolkit.metrics.confusion import Counting, count_image
from toolkit.metrics.scores import Metrics, build_metrics
from toolkit.plugin.metric import Metric
from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.search.class_factors import FactorFit
from toolkit.search.cross_validation import gain_over, unfitted
from toolkit.search.held_out import HeldOut
from toolkit.search.pixel_sample import PixelSample
from toolkit.search.search import Effort, search
from toolkit.workspace import Workspace

Make = Callable[..., HeldOut]
METRICS = ("miou", "image_miou", "image_dice", "pixel_accuracy", "cohen_kappa", "boundary_iou")


def metric_of(registry: Registry, name: str, n_classes: int) -> Metric:
    classes = ("Background", *(f"class {label}" for label in range(1, n_classes)))
    metric: Metric = registry.build("metric", ComponentSpec(name=name), Context(classes))
    return metric


def only(metric: Metric, held_out: HeldOut) -> Metrics:
    """Return the metric as that of a contest."""
    return Metrics("metric", {"metric": checked("metric", metric)}, held_out.class_names)


def counted(
    held_out: HeldOut, members: tuple[int, ...], boundary: float | None
) -> NDArray[np.int64]:
    """Average the maps of every image and count all of its pixels."""
    counting = Counting(held_out.n_classes, held_out.ignore_index, boundary)
    found = []
    for image in range(held_out.n_images):
        mean = np.mean([held_out.map(member, image) for member in members], axis=0)
        mask = held_out.mask(image)
        found.append(counting(mean.argmax(0).astype(np.uint8).reshape(mask.shape), mask))
    return np.stack(found)


@pytest.mark.parametrize("name", METRICS)
def test_scores_are_those_of_all_pixels_of_every_image(
    name: str,
    make_held_out: Make,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held_out = make_held_out(1.5, 2.0, 2.5)
    # Ignored pixels, of which those beside a boundary still tell what is near.
    masks = [held_out.mask(image).copy() for image in range(held_out.n_images)]
    for mask in masks:
        mask[:, 3:5] = held_out.ignore_index
    monkeypatch.setattr(held_out, "mask", masks.__getitem__)
    metrics = build_metrics(registry, ComponentSpec(name=name), Context(held_out.class_names))
    metric, boundary = metrics.metric, metrics.boundary
    workspace = Workspace(Project(tmp_path), registry, SilentProgress())
    effort = Effort(rounds=3, folds=2, repeats=1)
    found = search(workspace, held_out, ["a", "b", "c"], effort, metrics)
    ways = {way.name: way for way in found.ways}
    for way in ("mean of all", "a", "b", "c", "a + b", "b + c"):
        expected = metric(counted(held_out, ways[way].members, boundary)).score
        assert ways[way].scored.honest_score == pytest.approx(expected)
    alone = [metric(counted(held_out, (member,), boundary)).score for member in range(3)]
    assert ways["best single"].members == (int(np.argmax(alone)),)
    plain = ways["mean of all"].scored.honest_score
    assert ways["b"].gain.score == pytest.approx(alone[1] - plain)


def test_a_score_that_should_fall_is_best_where_it_is_smallest(
    make_held_out: Make, registry: Registry, tmp_path: Path
) -> None:
    class Errors:
        larger_is_better = False

        def __init__(self, metric: Metric) -> None:
            self._metric = metric

        def __call__(self, counts: NDArray[np.int64]) -> object:
            from toolkit import MetricScore

            return MetricScore(1 - self._metric(counts).score)

    held_out = make_held_out(1.0, 3.0, 3.0)
    accuracy = metric_of(registry, "pixel_accuracy", held_out.n_classes)
    workspace = Workspace(Project(tmp_path), registry, SilentProgress())
    effort = Effort(rounds=3, folds=2, repeats=1)
    names = ["a", "b", "c"]
    errors: Any = Errors(accuracy)
    right = search(workspace, held_out, names, effort, only(accuracy, held_out))
    wrong = search(workspace, held_out, names, effort, only(errors, held_out))
    assert wrong.chosen.name == right.chosen.name
    for ours, theirs in zip(wrong.ways, right.ways, strict=True):
        assert ours.members == theirs.members
        assert ours.scored.honest_score == pytest.approx(1 - theirs.scored.honest_score)
        assert ours.gain.score == pytest.approx(theirs.gain.score, abs=1e-12)
        assert ours.gain.error == pytest.approx(theirs.gain.error)


@pytest.mark.parametrize("name", METRICS[:-1])
def test_the_error_of_a_gain_is_that_of_images_drawn_again_and_again(
    name: str, registry: Registry
) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 40, (2, 30, 3, 3))
    first[:, range(3), range(3)] += 60
    metric = metric_of(registry, name, 3)
    found = gain_over(unfitted(first, metric), unfitted(second, metric))
    drawn = []
    for _ in range(3000):
        rows = rng.integers(0, 30, 30)
        drawn.append(metric(first[rows]).score - metric(second[rows]).score)
    assert found.error == pytest.approx(np.std(drawn), rel=0.15)
    assert found.score == pytest.approx(metric(first).score - metric(second).score)


@pytest.mark.parametrize("name", ["miou", "image_miou", "image_dice"])
def test_factors_are_fitted_to_the_metric(name: str, registry: Registry) -> None:
    """Against trying every step on all pixels, image by image."""
    rng = np.random.default_rng(3)
    n_images, pixels, c = 6, 70, 4
    image = np.repeat(np.arange(n_images), pixels)
    target = rng.integers(0, c, len(image)).astype(np.uint8)
    target[image == 1] = 0
    maps = rng.random((2, c, len(image))).astype(np.float32)
    maps[:, :, :] += np.eye(c, dtype=np.float32)[:, target] * np.float32(0.35)
    maps /= maps.sum(1, keepdims=True)
    metric = metric_of(registry, name, c)
    mean = maps.mean(0)

    def score(factors: NDArray[np.float64]) -> float:
        labels = (mean * factors[:, None].astype(np.float32)).argmax(0).astype(np.uint8)
        counts = [
            count_image(labels[image == row], target[image == row], c, 255)
            for row in range(n_images)
        ]
        return metric(np.stack(counts)).score

    fit = FactorFit(PixelSample(maps, target, image), metric)
    assert fit(np.ones(n_images, np.bool_)) == fitted_slowly(score, c)
