from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.ensemble.combiners import FLOOR, Geometric, Maximum, Mean, Power, Rank, Vote
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry
from toolkit.postprocess.labels import argmax_labels

Map = NDArray[np.float32]


def slow_mean(maps: Sequence[Map], weights: Sequence[float]) -> NDArray[np.float64]:
    return np.average(np.stack(maps).astype(np.float64), axis=0, weights=weights)


def slow_geometric(maps: Sequence[Map], weights: Sequence[float]) -> NDArray[np.float64]:
    """Product of powers, pixel by pixel."""
    stacked = np.maximum(np.stack(maps).astype(np.float64), FLOOR)
    share = np.asarray(weights) / sum(weights)
    product = np.prod(stacked ** share[:, None, None, None], axis=0)
    return np.asarray(product / product.sum(axis=0))


@st.composite
def some_maps(draw: st.DrawFn) -> list[Map]:
    n_members, n_classes = draw(st.integers(1, 6)), draw(st.integers(2, 6))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    sharpness = draw(st.sampled_from([0.5, 3.0, 50.0]))  # 50 makes exact zeros and ones
    maps = []
    for _ in range(n_members):
        logits = rng.normal(0, sharpness, (n_classes, height, width))
        exponentials = np.exp(logits - logits.max(axis=0))
        maps.append((exponentials / exponentials.sum(axis=0)).astype(np.float32))
    return maps


weights_for = st.lists(
    st.floats(0, 10).filter(lambda w: w == 0 or w > 1e-3), min_size=6, max_size=6
)


@settings(max_examples=150, deadline=None)
@given(maps=some_maps(), weights=weights_for, weighted=st.booleans())
def test_mean_and_geometric_equal_a_slow_reference(
    maps: list[Map], weights: list[float], weighted: bool
) -> None:
    given_weights = weights[: len(maps)]
    if sum(given_weights) == 0:
        given_weights[0] = 1.0
    used = given_weights if weighted else [1.0] * len(maps)
    copies = [each.copy() for each in maps]
    for combiner, slow in (
        (Mean(given_weights if weighted else ()), slow_mean),
        (Geometric(given_weights if weighted else ()), slow_geometric),
    ):
        found = combiner(iter(maps))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, slow(maps, used), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    for each, copy in zip(maps, copies, strict=True):
        np.testing.assert_array_equal(each, copy)  # a store's map may be shared


@settings(max_examples=100, deadline=None)
@given(maps=some_maps())
def test_vote_equals_counting(maps: list[Map]) -> None:
    found = Vote()(iter(maps))
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    votes = np.stack([each.argmax(0) for each in maps])
    mean = slow_mean(maps, [1.0] * len(maps))
    _, height, width = mean.shape
    for row in range(height):
        for column in range(width):
            counts = np.bincount(votes[:, row, column], minlength=len(mean))
            leaders = np.flatnonzero(counts == counts.max())
            label = int(found[:, row, column].argmax())
            assert label in leaders
            best = mean[leaders, row, column].max()
            assert mean[label, row, column] == pytest.approx(best, abs=1e-5)


def test_geometric_is_the_softmax_of_the_mean_of_logits() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4, 5, 6, 7))

    def softmax(values: Any) -> Any:
        exponentials = np.exp(values - values.max(axis=-3, keepdims=True))
        return exponentials / exponentials.sum(axis=-3, keepdims=True)

    found = Geometric()(iter(softmax(logits).astype(np.float32)))
    np.testing.assert_allclose(found, softmax(logits.mean(axis=0)), atol=1e-5)


def test_many_members_that_are_sure_of_zero_do_not_underflow() -> None:
    sure = np.zeros((3, 2, 2), np.float32)
    sure[0] = 1
    found = Geometric()(sure for _ in range(200))
    assert np.isfinite(found).all()
    assert (found.argmax(0) == 0).all()


def test_one_member_that_is_sure_of_zero_does_not_overrule_nine() -> None:
    alone = np.array([1.0, 0.0], np.float32).reshape(2, 1, 1)
    others = np.array([0.001, 0.999], np.float32).reshape(2, 1, 1)
    assert Geometric()([alone, *[others] * 9]).argmax(0) == 1


@pytest.mark.parametrize("name", ["mean", "geometric"])
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0.5, -0.5], "weights"),
        ([0.0, 0.0], "sum is 0"),
        ([float("nan"), 1.0], "weights"),
        ([1.0], "2 members, but 1 weight"),
        ([1.0, 1.0, 1.0], "2 members, but 3 weights"),
        (["a", 1.0], "weights"),
    ],
)
def test_unusable_weights_are_refused(
    name: str, weights: list[Any], message: str, registry: Registry
) -> None:
    maps = [np.full((2, 1, 1), 0.5, np.float32)] * 2
    with pytest.raises(UsageError, match=message):
        registry.build("ensembler", ComponentSpec(name=name, weights=weights), Context(("a", "b")))(
            iter(maps)
        )


@pytest.mark.parametrize("combiner", [Mean(), Geometric(), Vote()])
def test_no_member_is_refused(combiner: Any) -> None:
    with pytest.raises(UsageError, match="no member"):
        combiner(iter(()))


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 256), st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 1000),
)
def test_labels_equal_argmax_even_in_ties(shape: tuple[int, int, int], seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 4, shape).astype(np.float32)
    labels = argmax_labels(values)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, values.argmax(0))


@settings(max_examples=100, deadline=None)
@given(maps=some_maps(), weights=weights_for, exponent=st.sampled_from([0.5, 1.0, 2.0, 5.0]))
def test_power_and_maximum_equal_a_slow_reference(
    maps: list[Map], weights: list[float], exponent: float
) -> None:
    used = weights[: len(maps)]
    if sum(used) == 0:
        used[0] = 1.0
    stacked = np.stack(maps).astype(np.float64)
    share = np.asarray(used) / sum(used)
    power = (share[:, None, None, None] * stacked**exponent).sum(0) ** (1 / exponent)
    for found, slow in (
        (Power(exponent, used)(iter(maps)), power),
        (Maximum()(iter(maps)), stacked.max(0)),
    ):
        np.testing.assert_allclose(found, slow / slow.sum(0), rtol=2e-3, atol=1e-5)
    np.testing.assert_allclose(Power(1.0)(iter(maps)), Mean()(iter(maps)), atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(maps=some_maps())
def test_rank_is_a_borda_count_pixel_by_pixel(maps: list[Map]) -> None:
    found = Rank()(iter(maps))
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    classes, height, width = maps[0].shape
    mean = np.stack(maps).mean(0)
    for row in range(height):
        for column in range(width):
            points = [0.0] * classes
            for each in maps:
                pixel = each[:, row, column]
                for label in range(classes):
                    points[label] += sum(pixel[label] > other for other in pixel)
                    points[label] += (sum(pixel[label] == other for other in pixel) - 1) / 2
            best = int(found[:, row, column].argmax())
            assert points[best] == max(points)
            tied = [label for label in range(classes) if points[label] == max(points)]
            # A quarter of the mean is added to sums of up to 30 in float32: that rounds at 1e-5.
            assert mean[best, row, column] >= max(mean[tied, row, column]) - 1e-5


@settings(max_examples=60, deadline=None)
@given(maps=some_maps(), exponent=st.sampled_from([0.5, 2.0, 7.0]))
def test_no_average_overrules_members_that_agree(maps: list[Map], exponent: float) -> None:
    labels = np.stack([argmax_labels(each) for each in maps])
    agreed = (labels == labels[0]).all(0)
    for ensembler in (Mean(), Geometric(), Power(exponent), Vote(), Rank(), Maximum()):
        np.testing.assert_array_equal(
            argmax_labels(ensembler(iter(maps)))[agreed], labels[0][agreed]
        )


@pytest.mark.parametrize("scale", [1e-60, 1e60, 1e308])
@pytest.mark.parametrize("combiner", [Mean, Geometric, lambda weights: Power(2.0, weights)])
def test_only_the_ratios_of_weights_count(scale: float, combiner: Any) -> None:
    rng = np.random.default_rng(0)
    maps = [rng.dirichlet(np.ones(3), (4, 5)).transpose(2, 0, 1).astype(np.float32) for _ in "ab"]
    found = combiner([0.75 * scale, 1.0 * scale])(iter(maps))
    np.testing.assert_allclose(found, combiner([3.0, 4.0])(iter(maps)), rtol=1e-5)


def test_high_powers_of_many_small_probabilities_do_not_underflow() -> None:
    even = np.full((256, 1, 1), 1 / 256, np.float32)
    even[7] += np.float32(1e-3)
    found = Power(20.0)([even, even])
    assert np.isfinite(found).all()
    assert found.argmax(0) == 7
    sure = np.eye(256, dtype=np.float32)[:, :, None]
    np.testing.assert_allclose(Power(20.0)([sure]), sure)


def test_a_root_that_float32_cannot_hold_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"exponent: must be greater than or equal to 0\.01"):
        registry.build("ensembler", ComponentSpec(name="power", exponent=1e-6), Context(("a", "b")))
