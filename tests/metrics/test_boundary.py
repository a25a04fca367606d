"""Boundary IoU against slow references: pixel by pixel, and as the paper's authors compute it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import ComponentSpec, Context, MetricScore, TrashError
from toolkit.metrics.bootstrap import score_interval
from toolkit.metrics.boundary import boundary_width, near_boundary
from toolkit.metrics.checked import checked
from toolkit.metrics.confusion import Counting, count_image
from toolkit.metrics.counts_file import image_counts, read_counts, write_counts
from toolkit.metrics.formulas import all_pixels, boundary_pixels
from toolkit.metrics.scores import Metrics, build_metrics, score_counts
from toolkit.plugin.registry import Registry

IGNORE = 255
Labels = NDArray[np.uint8]


@st.composite
def label_maps(draw: st.DrawFn) -> tuple[int, list[tuple[Labels, Labels]]]:
    """Return the number of classes and (prediction, target) of some images of several sizes."""
    n_classes = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return n_classes, [_maps(n_classes, rng) for _ in range(draw(st.integers(1, 4)))]


def _maps(n_classes: int, rng: np.random.Generator) -> tuple[Labels, Labels]:
    height, width = rng.integers(1, 24, 2)
    coarse = rng.integers(0, n_classes, (2, *rng.integers(1, 5, 2))).astype(np.uint8)
    prediction, target = (
        cv2.resize(each, (int(width), int(height)), interpolation=cv2.INTER_NEAREST)
        for each in coarse
    )
    if rng.random() < 0.6:  # mostly right, as good networks are
        prediction = np.roll(target, rng.integers(-2, 3, 2), (0, 1))
    target[rng.random(target.shape) < rng.choice([0.0, 0.1, 1.0], p=[0.6, 0.3, 0.1])] = IGNORE
    return prediction, target


def near_by_pixel(labels: Labels, width: int) -> NDArray[np.bool_]:
    """Look at every pixel's whole neighbourhood; ignored pixels are no other label."""
    height, columns = labels.shape
    found = np.zeros(labels.shape, np.bool_)
    for row, column in np.ndindex(labels.shape):
        own = labels[row, column]
        edge = min(row, column, height - 1 - row, columns - 1 - column) < width
        window = labels[
            max(0, row - width) : row + width + 1, max(0, column - width) : column + width + 1
        ]
        other = (window != own) & (window != IGNORE)
        found[row, column] = own != IGNORE and (edge or bool(other.any()))
    return found


def score_by_class(images: list[tuple[Labels, Labels]], n_classes: int, ratio: float) -> float:
    """Erode the mask of every class by a square of 3 × 3, again and again, on padded masks."""
    both = np.zeros(n_classes)
    either = np.zeros(n_classes)
    for prediction, target in images:
        width = max(1, round(ratio * math.hypot(*target.shape)))
        for label in range(n_classes):
            near = []
            for labels in (prediction, target):
                mask = (labels == label).astype(np.uint8)
                padded = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
                eroded = cv2.erode(padded, np.ones((3, 3), np.uint8), iterations=width)
                near.append((mask - eroded[1:-1, 1:-1]).astype(bool))
            both[label] += (near[0] & near[1]).sum()
            either[label] += (near[0] | near[1]).sum()
    known = either > 0
    return float(np.mean(both[known] / either[known]))


def counted(images: list[tuple[Labels, Labels]], n_classes: int, ratio: float) -> Any:
    return np.stack([Counting(n_classes, IGNORE, ratio)(*each) for each in images])


def metric_of(registry: Registry, n_classes: int, **parameters: Any) -> Metrics:
    names = ("Background", *(f"class {label}" for label in range(1, n_classes)))
    spec = ComponentSpec(name="boundary_iou", **parameters)
    return build_metrics(registry, spec, Context(names))


@settings(max_examples=120, deadline=None)
@given(label_maps(), st.integers(1, 30))
def test_pixels_are_near_to_another_label(case: tuple[int, Any], width: int) -> None:
    for images in case[1]:
        for labels in images:
            ignored = labels == IGNORE
            expected = near_by_pixel(labels, width)
            np.testing.assert_array_equal(near_boundary(labels, width, ignored), expected)


@settings(max_examples=120, deadline=None)
@given(label_maps(), st.sampled_from([0.001, 0.02, 0.1, 0.4]))
def test_counts_tell_for_every_pixel_which_label_is_near(
    case: tuple[int, list[tuple[Labels, Labels]]], ratio: float
) -> None:
    n_classes, images = case
    for prediction, target in images:
        width = boundary_width(target.shape, ratio)
        near = near_by_pixel(prediction, width) + 2 * near_by_pixel(target, width)
        expected = np.zeros((4, n_classes, n_classes), np.int64)
        for part, true, predicted in zip(near.flat, target.flat, prediction.flat, strict=True):
            if true != IGNORE:
                expected[part, true, predicted] += 1
        found = Counting(n_classes, IGNORE, ratio)(prediction, target)
        np.testing.assert_array_equal(found, expected)
        whole = count_image(prediction, target, n_classes, IGNORE)
        np.testing.assert_array_equal(all_pixels(found[None])[0], whole)


@settings(max_examples=120, deadline=None)
@given(label_maps(), st.sampled_from([0.02, 0.1]))
def test_the_score_is_that_of_the_paper(
    registry: Registry, case: tuple[int, list[tuple[Labels, Labels]]], ratio: float
) -> None:
    n_classes, images = case
    images = [(p, np.where(t == IGNORE, p, t)) for p, t in images]
    metrics = metric_of(registry, n_classes, width=ratio)
    counts = counted(images, n_classes, ratio)
    assert metrics.boundary == ratio
    found = score_counts(counts, metrics)
    assert found.deciding == pytest.approx(score_by_class(images, n_classes, ratio), abs=1e-12)
    # The scores beside it are those of all pixels.
    plain = score_counts(all_pixels(counts), build_metrics(registry, None, Context(("a",) * 1)))
    assert (found.iou, found.accuracy) == (plain.iou, plain.accuracy)


def test_outlines_count_and_the_inside_does_not(registry: Registry) -> None:
    target = np.zeros((200, 200), np.uint8)
    target[40:160, 40:160] = 1
    rough = np.roll(target, 3, 0)
    hollow = target.copy()
    hollow[90:110, 90:110] = 0
    metrics = metric_of(registry, 2)
    scores = [
        score_counts(counted([(each, target)], 2, 0.02), metrics)
        for each in (target, rough, hollow)
    ]
    assert [each.deciding for each in scores] == pytest.approx([1.0, 0.71, 0.89], abs=0.01)
    assert scores[1].mean_iou > 0.93


def test_options_choose_classes_and_weights(registry: Registry) -> None:
    rng = np.random.default_rng(0)
    images = [_maps(4, rng) for _ in range(9)]
    counts = counted(images, 4, 0.02)
    every = metric_of(registry, 4).metric(counts).classes
    assert every is not None
    assert every.shape == (4,)
    some = metric_of(registry, 4, classes=["class 1", "class 3"], weights={"class 3": 3.0})
    assert some.metric(counts).score == pytest.approx((every[1] + 3 * every[3]) / 4)
    assert metric_of(registry, 4, background=False).metric(counts).score == pytest.approx(
        every[1:].mean()
    )


def test_how_sure_it_is(registry: Registry) -> None:
    rng = np.random.default_rng(0)
    counts = counted([_maps(4, rng) for _ in range(40)], 4, 0.02)
    metric = metric_of(registry, 4).metric
    drawn = [metric(counts[rng.integers(0, 40, 40)]).score for _ in range(2000)]
    found = score_interval(metric, counts)
    assert found is not None
    assert found.error == pytest.approx(np.std(drawn), rel=0.15)


def test_it_is_counted_only_where_it_decides(registry: Registry) -> None:
    plain = build_metrics(registry, None, Context(("Background", "Paper")))
    assert plain.boundary is None
    assert "boundary_iou" not in plain.by_name
    metrics = metric_of(registry, 2)
    with pytest.raises(TrashError, match="boundary_iou needs pixels that were counted near"):
        metrics.metric(np.ones((1, 2, 2), np.int64))


def test_a_plugin_may_look_at_boundaries_too() -> None:
    class Widest:
        larger_is_better = True

        def __init__(self, boundary: Any) -> None:
            self.boundary = boundary

        def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
            assert counts.shape[1:] == (3, 3)
            return MetricScore(float(counts[:, :2, :2].sum() / counts.sum()))

    counts = counted([_maps(2, np.random.default_rng(1)) for _ in range(3)], 2, 0.1)
    near = boundary_pixels(counts)
    assert near.sum() == counts.sum()
    assert checked("mine", Widest(0.1))(counts).score == near[:, :2, :2].sum() / near.sum()
    for wrong in (0.0, 1.0, 2, "wide"):
        with pytest.raises(TrashError, match="the metric mine says boundary = "):
            checked("mine", Widest(wrong))


def test_the_file_keeps_what_is_near(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    counts = counted([_maps(5, rng) for _ in range(6)], 5, 0.1)
    path = tmp_path / "a.counts"
    names = [f"{row}.jpg" for row in range(6)]
    sets = {"test": image_counts(names, counts, 0.1), "plain": image_counts(names, counts[:, 0])}
    write_counts(path, "", tuple("abcde"), sets)
    found = read_counts(path)
    np.testing.assert_array_equal(found.counts("test"), counts)
    np.testing.assert_array_equal(found.counts("plain"), counts[:, 0])
    assert (found.sets["test"].boundary, found.sets["plain"].boundary) == (0.1, None)
    assert '"boundary":0.1' in path.read_text()
    assert path.read_text().count("boundary") == 1
