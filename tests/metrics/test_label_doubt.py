from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit.metrics.label_doubt import image_doubt, label_doubts, usual_probabilities


def slow_usual(means: list[list[float]], labels: list[int], n_classes: int) -> list[float]:
    usual = []
    for label in range(n_classes):
        own = [mean[label] for mean, each in zip(means, labels, strict=True) if each == label]
        usual.append(sum(own) / len(own) if own else 1.0)
    return usual


def slow_doubt(mean: list[float], label: int, usual: list[float]) -> tuple[float, int]:
    quotients = [value / usual[k] for k, value in enumerate(mean)]
    others = [k for k in range(len(mean)) if k != label]
    best = max(others, key=lambda k: quotients[k])
    return quotients[best] / (quotients[best] + quotients[label]), best


def test_doubts_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(4)
    means = rng.dirichlet(np.full(5, 0.5), 60)
    labels = rng.integers(0, 4, 60)  # class 4 has no sample
    usual = usual_probabilities(means, labels)
    expected = slow_usual(means.tolist(), labels.tolist(), 5)
    assert usual.tolist() == pytest.approx(expected)
    assert usual[4] == 1.0
    doubts, suspected = label_doubts(means, labels, usual)
    for row in range(60):
        doubt, other = slow_doubt(means[row].tolist(), int(labels[row]), expected)
        assert doubts[row] == pytest.approx(doubt)
        assert suspected[row] == other


def test_a_class_that_is_never_sure_is_measured_by_itself() -> None:
    # Objects of class 1 usually get 0.4 for it: 0.35 is no reason to doubt, and 0.4 of it is one to
    # doubt a label whose objects usually get 0.9.
    usual = np.array([0.95, 0.4, 0.9])
    means = np.array([[0.3, 0.35, 0.35], [0.05, 0.4, 0.55]])
    doubts, suspected = label_doubts(means, np.array([1, 2]), usual)
    assert doubts[0] < 0.5 < doubts[1]
    assert suspected.tolist() == [2, 1]


def test_impossible_labels_and_no_samples() -> None:
    doubts, suspected = label_doubts(np.array([[0.0, 1.0]]), np.array([0]), np.array([0.0, 0.5]))
    assert (doubts[0], suspected[0]) == (1.0, 1)
    none = np.empty((0, 3))
    usual = usual_probabilities(none, np.empty(0, np.int64))
    assert usual.tolist() == [1.0, 1.0, 1.0]
    assert [len(each) for each in label_doubts(none, np.empty(0, np.int64), usual)] == [0, 0]


def test_an_image_is_doubted_for_its_worst_pixels() -> None:
    rng = np.random.default_rng(5)
    own = rng.random(40).astype(np.float32)
    weights = [math.exp((1 - float(p)) / 0.1) for p in own]
    mean = sum(float(p) * w for p, w in zip(own, weights, strict=True)) / sum(weights)
    assert image_doubt(own) == pytest.approx(1 - mean)
    sure = np.ones(1000, np.float32)
    assert image_doubt(sure) == pytest.approx(0)
    sure[:20] = 0
    assert image_doubt(sure) > 0.99
    assert image_doubt(sure[:0]) == 0
