from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from toolkit.ensemble.combiners import FLOOR, Geometric
from toolkit.ensemble.stacking import Stacking
from toolkit.errors import UsageError
from toolkit.progress import SilentProgress
from toolkit.search.held_out import HeldOut
from toolkit.search.pixel_sample import PixelSample, sample_pixels
from toolkit.search.stacking_fit import StackingFit


def _maps(n_members: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.dirichlet(np.ones(4), (5, 3)).transpose(2, 0, 1).astype(np.float32)
        for _ in range(n_members)
    ]


@pytest.mark.parametrize("matrix", [False, True])
def test_it_equals_a_slow_reference(matrix: bool) -> None:
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(3, 4, 4) if matrix else (3, 4))
    bias, maps = rng.normal(size=4), _maps(3)
    found = Stacking(weights.tolist(), bias.tolist(), 4)(iter(maps))
    for row in range(5):
        for column in range(3):
            scores = bias.copy()
            for own, each in zip(weights, maps, strict=True):
                logs = np.log(np.maximum(each[:, row, column].astype(float), FLOOR))
                for label in range(4):
                    scores[label] += own[label] @ logs if matrix else own[label] * logs[label]
            expected = np.exp(scores) / np.exp(scores).sum()
            np.testing.assert_allclose(found[:, row, column], expected, rtol=1e-4, atol=1e-6)


def test_even_weights_are_the_geometric_mean() -> None:
    maps = _maps(2)
    found = Stacking([[0.5] * 4] * 2, [0.0] * 4, 4)(iter(maps))
    np.testing.assert_allclose(found, Geometric()(iter(maps)), atol=1e-6)


@pytest.mark.parametrize(
    ("weights", "bias", "message"),
    [
        ([[1.0] * 3], [0.0] * 4, "4 numbers per member"),
        ([[1.0] * 4, [1.0] * 3], [0.0] * 4, "4 numbers per member"),
        ([1.0] * 4, [0.0] * 4, "4 numbers per member"),
        ([[1.0] * 4], [0.0] * 3, "bias has 3 numbers for 4 classes"),
    ],
)
def test_numbers_of_another_shape_are_refused(
    weights: list[object], bias: list[float], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Stacking(weights, bias, 4)


@pytest.mark.parametrize("members", [1, 3])
def test_another_number_of_members_is_refused(members: int) -> None:
    with pytest.raises(UsageError, match=f"{members} members?, but stacking was fitted to 2"):
        Stacking([[1.0] * 4] * 2, [0.0] * 4, 4)(iter(_maps(members)))


def test_fitting_finds_who_is_right_about_which_class() -> None:
    """Member 0 knows classes 0 and 1, member 1 the others: the weights must say so."""
    rng = np.random.default_rng(0)
    target = rng.integers(0, 4, 6000).astype(np.uint8)
    logits = rng.normal(0, 1.5, (2, 4, 6000))
    for label in range(4):
        logits[label // 2, label] += 4.0 * (target == label)
    maps = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
    pixels = PixelSample(maps, target, np.zeros(6000, np.intp))
    for matrix in (False, True):
        numbers = StackingFit(pixels, matrix=matrix)(np.ones(1, np.bool_))
        combined = Stacking(list(numbers.weights), list(numbers.bias), 4)(iter(maps[:, :, None]))
        right = (combined[:, 0].argmax(0) == target).mean()
        plain = (maps.mean(0).argmax(0) == target).mean()
        assert right > plain + 0.01
        own = numbers.weights if not matrix else np.diagonal(numbers.weights, axis1=1, axis2=2)
        assert (own[0, :2] > own[1, :2] + 0.2).all()
        assert (own[1, 2:] > own[0, 2:] + 0.2).all()


def test_fitting_uses_the_chosen_images_only(make_held_out: Callable[..., HeldOut]) -> None:
    pixels = sample_pixels(make_held_out(1.0, 1.5), 0, SilentProgress())
    chosen = np.array([True, True, False, False, False, False])
    other = pixels.target.copy()
    other[~chosen[pixels.image]] = 0
    changed = PixelSample(pixels.maps, other, pixels.image)
    first, second = (StackingFit(each, matrix=False)(chosen) for each in (pixels, changed))
    np.testing.assert_array_equal(first.weights, second.weights)


@pytest.mark.parametrize("matrix", [False, True])
def test_a_fit_is_where_the_cost_has_no_slope(matrix: bool) -> None:
    """The slopes of the cost as automatic differentiation finds them, over several blocks."""
    rng = np.random.default_rng(3)
    target = rng.integers(0, 4, 5000).astype(np.uint8)
    logits = rng.normal(0, 1.5, (2, 4, 5000)) + 2 * (np.arange(4)[None, :, None] == target)
    maps = (np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).astype(np.float32)
    numbers = StackingFit(PixelSample(maps, target, np.zeros(5000, np.intp)), matrix=matrix)(
        np.ones(1, np.bool_)
    )
    weights, bias = (
        torch.from_numpy(each).requires_grad_() for each in (numbers.weights, numbers.bias)
    )
    logs = torch.from_numpy(np.log(np.maximum(maps, np.float32(FLOOR)))).double()
    scores = torch.einsum("mck,mkn->nc" if matrix else "mc,mcn->nc", weights, logs) + bias
    even = torch.diag_embed(torch.full((2, 4), 0.5)) if matrix else torch.full((2, 4), 0.5)
    cost = torch.nn.functional.cross_entropy(scores, torch.from_numpy(target).long())
    cost = cost + 1e-2 * ((weights - even).square().sum() + bias.square().sum())
    cost.backward()
    for each in (weights, bias):
        assert each.grad is not None
        assert each.grad.abs().max() < 1e-4


@pytest.mark.parametrize("matrix", [False, True])
def test_without_pixels_a_fit_is_the_geometric_mean(matrix: bool) -> None:
    maps = np.stack([each.reshape(4, -1) for each in _maps(2)])
    pixels = PixelSample(maps, np.zeros(15, np.uint8), np.zeros(15, np.intp))
    numbers = StackingFit(pixels, matrix=matrix)(np.zeros(1, np.bool_))
    own = np.diagonal(numbers.weights, axis1=1, axis2=2) if matrix else numbers.weights
    np.testing.assert_array_equal(own, 0.5)
    np.testing.assert_array_equal(numbers.bias, 0)


def test_a_sample_is_of_every_image_and_the_same_every_time(
    make_held_out: Callable[..., HeldOut],
) -> None:
    held_out = make_held_out(1.0, 1.5)
    first, second = (sample_pixels(held_out, 3, SilentProgress()) for _ in range(2))
    np.testing.assert_array_equal(first.maps, second.maps)
    assert set(first.image.tolist()) == set(range(held_out.n_images))
    assert first.maps.shape == (2, held_out.n_classes, len(first.target))
    assert not (first.target == held_out.ignore_index).any()
    np.testing.assert_allclose(first.maps.sum(1), 1, atol=1e-5)
