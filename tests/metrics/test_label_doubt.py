from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit.metrics.label_doubt import (
    UsualProbabilities,
    image_doubt,
    label_doubts,
    usual_probabilities,
)


def average(values: list[float]) -> float:
    return sum(values) / len(values)


Usual = tuple[list[float], float, list[float]]


def slow_usual(means: list[list[float]], labels: list[int]) -> Usual:
    pairs = list(zip(means, labels, strict=True))
    classes, objects = [], []
    for k in range(1, len(means[0])):
        own = [mean for mean, label in pairs if label == k]
        classes.append(average([mean[k] / sum(mean[1:]) for mean in own]) if own else 1.0)
        objects.append(average([sum(mean[1:]) for mean in own]) if own else 0.999)
    return classes, average([mean[0] for mean, label in pairs if label == 0]), objects


def odds(value: float) -> float:
    return value / (1 - value)


def slow_doubt(mean: list[float], label: int, usual: Usual) -> tuple[float, int]:
    classes, background, objects = usual
    fits = {k: mean[k] / sum(mean[1:]) / classes[k - 1] for k in range(1, len(mean))}
    other = max((k for k in fits if k != label), key=lambda k: fits[k])
    if label == 0:
        is_there = odds(sum(mean[1:]))
        return is_there / (is_there + odds(objects[other - 1])), other
    of_class = fits[other] / (fits[other] + fits[label])
    extra = odds(mean[0]) / (odds(mean[0]) + odds(background))
    return (extra, 0) if extra >= 0.5 or extra >= of_class else (of_class, other)


def test_doubts_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(4)
    means = rng.dirichlet(np.full(5, 0.5), 80)
    labels = rng.integers(0, 4, 80)  # class 4 has no sample
    usual = usual_probabilities(means, labels)
    expected = slow_usual(means.tolist(), labels.tolist())
    assert usual.classes[1:].tolist() == pytest.approx(expected[0])
    assert usual.classes[4] == 1.0
    assert usual.background == pytest.approx(expected[1])
    assert usual.objects[1:].tolist() == pytest.approx(expected[2])
    doubts, suspected = label_doubts(means, labels, usual)
    kinds = set()
    for row in range(80):
        doubt, other = slow_doubt(means[row].tolist(), int(labels[row]), expected)
        assert doubts[row] == pytest.approx(doubt)
        assert suspected[row] == other
        kinds.add((labels[row] > 0, other > 0))
    assert kinds == {(True, True), (True, False), (False, True)}


def test_a_class_is_measured_by_how_sure_the_network_usually_is_of_it() -> None:
    # Objects of class 1 usually get 0.4 for it: 0.45 is no reason to doubt, and 0.4 of it is one to
    # doubt a label whose objects usually get 0.9.
    usual = UsualProbabilities(np.array([1.0, 0.4, 0.9]), background=0.95, objects=np.full(3, 0.9))
    means = np.array([[0.1, 0.4, 0.5], [0.1, 0.4, 0.5]])
    doubts, suspected = label_doubts(means, np.array([1, 2]), usual)
    assert doubts[0] < 0.5 < doubts[1]
    assert suspected.tolist() == [2, 1]


def test_an_object_that_is_missed_is_not_doubted_but_its_class_is() -> None:
    usual = UsualProbabilities(np.array([1.0, 0.8, 0.8]), background=0.95, objects=np.full(3, 0.9))
    means = np.array([[0.9, 0.09, 0.01], [0.9, 0.01, 0.09], [0.99, 0.009, 0.001]])
    doubts, suspected = label_doubts(means, np.array([1, 1, 1]), usual)
    assert doubts[0] < 0.5 < doubts[1] == pytest.approx(0.9)
    assert doubts[2] > 0.5  # surer of background than where it is labelled so
    assert suspected.tolist()[1:] == [2, 0]


def test_impossible_labels_one_class_and_no_samples() -> None:
    one = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    usual = usual_probabilities(one, np.array([1, 0, 0]))
    doubts, suspected = label_doubts(one, np.array([1, 1, 0]), usual)
    assert doubts.tolist() == pytest.approx([0, 1, 1])
    assert suspected.tolist()[1:] == [0, 1]
    nobody = np.empty((0, 3))
    usual = usual_probabilities(nobody, np.empty(0, np.int64))
    assert usual.classes.tolist() == [1.0, 1.0, 1.0]
    assert [len(each) for each in label_doubts(nobody, np.empty(0, np.int64), usual)] == [0, 0]


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
