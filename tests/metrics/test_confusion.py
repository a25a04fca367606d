from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.metrics.confusion import confusion, count_image
from toolkit.metrics.formulas import class_ious, mean_of_known
from toolkit.metrics.scores import score_counts

IGNORE = 255


def slow_matrix(
    prediction: NDArray[np.uint8], target: NDArray[np.uint8], n_classes: int, ignore_index: int
) -> list[list[int]]:
    matrix = [[0] * n_classes for _ in range(n_classes)]
    for p, t in zip(prediction.ravel().tolist(), target.ravel().tolist(), strict=True):
        if t != ignore_index:
            matrix[t][p] += 1
    return matrix


def slow_iou(matrix: list[list[int]], label: int) -> float | None:
    both = matrix[label][label]
    either = sum(matrix[label]) + sum(row[label] for row in matrix) - both
    return both / either if either else None


@st.composite
def label_pairs(draw: st.DrawFn) -> tuple[int, int, NDArray[np.uint8], NDArray[np.uint8]]:
    n_classes = draw(st.sampled_from([1, 2, 3, 12, 15, 16, 17, 100, 255, 256]))
    ignore_index = draw(st.sampled_from([IGNORE, 0, n_classes - 1]))
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 40)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    prediction = rng.integers(0, n_classes, shape).astype(np.uint8)
    target = rng.integers(0, n_classes, shape).astype(np.uint8)
    if draw(st.booleans()):  # runs
        prediction, target = np.sort(prediction, axis=-1), np.sort(target, axis=-1)
    target[rng.random(shape) < draw(st.sampled_from([0, 0.3, 1]))] = ignore_index
    return n_classes, ignore_index, prediction, target


@settings(max_examples=150, deadline=None)
@given(label_pairs())
def test_counts_every_pixel_once(
    pair: tuple[int, int, NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    n_classes, ignore_index, prediction, target = pair
    counts = count_image(prediction, target, n_classes, ignore_index)
    assert counts.dtype == np.int64
    assert counts.tolist() == slow_matrix(prediction, target, n_classes, ignore_index)


@pytest.mark.parametrize("n_classes", [12, 20])
@pytest.mark.parametrize("smooth", [True, False])
def test_counts_large_arrays(n_classes: int, smooth: bool) -> None:
    rng = np.random.default_rng(0)
    shape = (1, 801, 801)  # odd number of pixels, enough for every way of counting
    prediction = rng.integers(0, n_classes, shape).astype(np.uint8)
    target = rng.integers(0, n_classes, shape).astype(np.uint8)
    if smooth:
        prediction, target = np.sort(prediction), np.sort(target)
    target[0, 100:120] = IGNORE
    kept = target != IGNORE
    expected = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(expected, (target[kept], prediction[kept]), 1)
    counts = count_image(prediction, target, n_classes, IGNORE)
    np.testing.assert_array_equal(counts, expected)


def test_takes_views_that_are_not_contiguous() -> None:
    rng = np.random.default_rng(2)
    prediction, target = rng.integers(0, 3, (2, 10, 10)).astype(np.uint8)
    expected = slow_matrix(prediction[::2, ::-1], target.T[::2], 3, IGNORE)
    assert count_image(prediction[::2, ::-1], target.T[::2], 3, IGNORE).tolist() == expected


def test_no_pixels_are_no_counts() -> None:
    nothing = np.zeros((0, 4, 4), np.uint8)
    assert count_image(nothing, nothing, 3, IGNORE).tolist() == [[0] * 3] * 3


@pytest.mark.parametrize("label", [3, 255])
def test_refuses_a_prediction_outside_the_classes(label: int) -> None:
    prediction = np.array([[0, label]], np.uint8)
    with pytest.raises(TrashError, match=f"prediction holds label {label}"):
        count_image(prediction, np.zeros((1, 2), np.uint8), 3, IGNORE)


def test_refuses_a_target_outside_the_classes() -> None:
    with pytest.raises(TrashError, match="target holds label 7, outside the 3 classes"):
        count_image(np.zeros((1, 3), np.uint8), np.array([[0, 255, 7]], np.uint8), 3, IGNORE)


def test_refuses_other_shapes_and_types() -> None:
    labels = np.zeros((2, 3), np.uint8)
    with pytest.raises(TrashError, match="differ in shape"):
        count_image(labels, np.zeros((3, 2), np.uint8), 3, IGNORE)
    with pytest.raises(TrashError, match="target labels must be uint8, got int64"):
        count_image(labels, np.zeros((2, 3), np.int64), 3, IGNORE)  # type: ignore[arg-type]


def test_scores_of_a_matrix_counted_by_hand() -> None:
    matrix = np.array(
        [
            [6, 2, 0, 1],
            [1, 3, 0, 0],
            [0, 0, 0, 0],  # absent everywhere: skipped
            [0, 0, 0, 0],  # absent from the target, predicted once: 0
        ]
    )
    result = score_counts(matrix[None])
    assert result.iou == (6 / 10, 3 / 6, None, 0.0)
    assert result.mean_iou == pytest.approx((0.6 + 0.5 + 0) / 3)
    assert result.accuracy == pytest.approx(9 / 13)
    assert result.mean_class_accuracy == pytest.approx((6 / 9 + 3 / 4) / 2)
    # any class in both: 3; in either: 13 - 6
    assert result.foreground_iou == pytest.approx(3 / 7)


def test_the_whole_set_counts_and_not_the_mean_of_batches() -> None:
    target = np.array([[0, 0, 0, 1], [0, 1, 1, 1]], np.uint8)
    prediction = np.array([[0, 0, 0, 0], [1, 1, 1, 1]], np.uint8)
    pairs = zip(prediction, target, strict=True)
    counts = np.stack([count_image(p, t, 2, IGNORE) for p, t in pairs])
    assert score_counts(counts).iou == (3 / 5, 3 / 5)


@settings(max_examples=50, deadline=None)
@given(label_pairs())
def test_scores_follow_their_definition(
    pair: tuple[int, int, NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    n_classes, ignore_index, prediction, target = pair
    counts = count_image(prediction, target, n_classes, ignore_index)[None]
    matrix = slow_matrix(prediction, target, n_classes, ignore_index)
    if counts.sum() == 0:
        with pytest.raises(TrashError, match="no pixel to score"):
            score_counts(counts)
        return
    result = score_counts(counts)
    expected = [slow_iou(matrix, label) for label in range(n_classes)]
    known = [value for value in expected if value is not None]
    assert list(result.iou) == expected
    assert result.mean_iou == pytest.approx(sum(known) / len(known))


@settings(max_examples=50, deadline=None)
@given(label_pairs())
def test_counts_without_ignored_pixels_are_those_of_a_matrix(
    pair: tuple[int, int, NDArray[np.uint8], NDArray[np.uint8]],
) -> None:
    n_classes, ignore_index, prediction, target = pair
    counted = target != ignore_index
    found = confusion(target[counted], prediction[counted], n_classes)
    assert found.tolist() == slow_matrix(prediction, target, n_classes, ignore_index)


def test_many_matrices_have_the_scores_of_each() -> None:
    matrices = np.random.default_rng(0).integers(0, 99, (5, 12, 12))
    matrices[1, 3], matrices[1, :, 3] = 0, 0
    means = mean_of_known(class_ious(matrices), np.ones(12))
    for each, ious, mean in zip(matrices, class_ious(matrices), means, strict=True):
        found = score_counts(each[None])
        assert found.iou == tuple(None if np.isnan(iou) else iou for iou in ious)
        # To the bit as scores are kept in checkpoints: added up one after another.
        known = [iou for iou in found.iou if iou is not None]
        assert found.mean_iou == sum(known) / len(known)
        assert found.mean_iou == mean


def test_foreground_iou_is_unknown_without_foreground() -> None:
    assert score_counts(np.array([[[5, 0], [0, 0]]])).foreground_iou is None
    assert score_counts(np.array([[[5]]])).foreground_iou is None
