from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from toolkit.data.targets import DrawnTargets, FixedTargets

IGNORE = 255


@dataclass(frozen=True)
class Maps:
    maps: tuple[NDArray[np.float32], ...]

    def read(self, position: int) -> NDArray[np.float32]:
        return self.maps[position].copy()


def _soft(rng: np.random.Generator, n_classes: int, height: int, width: int) -> NDArray[np.float32]:
    scores = np.exp(2 * rng.standard_normal((n_classes, height, width)))
    return (scores / scores.sum(axis=0)).astype(np.float32)


def _drawn(maps: NDArray[np.float32], mask: NDArray[np.uint8]) -> DrawnTargets:
    return DrawnTargets(Maps((maps,)), [mask], IGNORE)


def test_fixed_labels_are_the_same_in_every_epoch() -> None:
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for seed in range(2):
        assert FixedTargets([mask])(0, np.random.default_rng(seed)) is mask


def test_labels_are_drawn_as_often_as_they_are_probable() -> None:
    rng = np.random.default_rng(1)
    maps = _soft(rng, 4, 5, 7)
    targets = _drawn(maps, np.zeros((5, 7), np.uint8))
    counts = np.zeros_like(maps)
    n_draws = 4000
    for _ in range(n_draws):
        counts += np.arange(4)[:, None, None] == targets(0, rng)
    # Four standard deviations of a share of 4,000 draws are at most .032.
    assert np.abs(counts / n_draws - maps).max() < 0.035


def test_a_pixel_that_covers_several_is_drawn_from_their_mean() -> None:
    """An object lies where its probabilities lie; labels drawn at native size were shifted."""
    certain = np.zeros((2, 8, 12), np.float32)
    certain[1, 1:7, 3:10] = 1
    certain[0] = 1 - certain[1]
    targets = _drawn(certain, np.zeros((4, 4), np.uint8))
    rng = np.random.default_rng(0)
    n_draws = 2000
    drawn = sum(targets(0, rng).astype(float) for _ in range(n_draws)) / n_draws
    expected = certain[1].reshape(4, 2, 4, 3).mean((1, 3))
    assert np.abs(drawn - expected).max() < 0.05


def test_a_certain_map_gives_its_labels() -> None:
    labels = np.random.default_rng(2).integers(0, 3, (6, 5)).astype(np.uint8)
    certain = np.eye(3, dtype=np.float32)[:, labels]
    for seed in range(5):
        found = _drawn(certain, labels)(0, np.random.default_rng(seed))
        assert np.array_equal(found, labels)


def test_pixels_that_are_not_trusted_stay_ignored() -> None:
    rng = np.random.default_rng(3)
    mask = np.where(rng.random((4, 4)) < 0.5, IGNORE, 0).astype(np.uint8)
    found = _drawn(_soft(rng, 3, 8, 8), mask)(0, rng)
    assert np.array_equal(found == IGNORE, mask == IGNORE)
    assert found[found != IGNORE].max() < 3


def test_on_average_the_gradient_is_that_of_soft_labels() -> None:
    rng = np.random.default_rng(4)
    maps = _soft(rng, 3, 4, 4)
    logits = torch.tensor(rng.standard_normal((1, 3, 4, 4)), requires_grad=True)
    soft = functional.cross_entropy(logits, torch.tensor(maps, dtype=torch.float64)[None])
    (wanted,) = torch.autograd.grad(soft, logits)
    targets = _drawn(maps, np.zeros((4, 4), np.uint8))
    total = torch.zeros_like(wanted)
    n_draws = 3000
    for _ in range(n_draws):
        labels = torch.from_numpy(targets(0, rng).astype(np.int64))[None]
        total += torch.autograd.grad(functional.cross_entropy(logits, labels), logits)[0]
    assert float((total / n_draws - wanted).abs().max()) < 0.05 * float(wanted.abs().max())


def test_another_generator_draws_other_labels() -> None:
    targets = _drawn(_soft(np.random.default_rng(5), 3, 16, 16), np.zeros((16, 16), np.uint8))
    first = targets(0, np.random.default_rng(0))
    assert np.array_equal(first, targets(0, np.random.default_rng(0)))
    assert not np.array_equal(first, targets(0, np.random.default_rng(1)))
    copy = pickle.loads(pickle.dumps(targets))
    assert np.array_equal(first, copy(0, np.random.default_rng(0)))


@pytest.mark.parametrize("n_classes", [2, 12])
def test_no_label_is_beyond_the_classes(n_classes: int) -> None:
    # Rounded sums may end a little below 1.
    maps = np.full((n_classes, 64, 64), 1 / n_classes, np.float32) * np.float32(0.999999)
    for seed in range(20):
        found = _drawn(maps, np.zeros((64, 64), np.uint8))(0, np.random.default_rng(seed))
        assert found.max() < n_classes
