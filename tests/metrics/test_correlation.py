from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.metrics.correlation import rank_correlation


def test_the_same_order_is_one_and_the_opposite_minus_one() -> None:
    assert rank_correlation([0.1, 0.2, 0.9], [5, 7, 8]) == pytest.approx(1)
    assert rank_correlation([0.1, 0.2, 0.9], [8, 7, 5]) == pytest.approx(-1)


def test_by_hand() -> None:
    # Distances of the ranks 0, 1, 1, 0: 1 - 6 · 2 / (4 · 15).
    assert rank_correlation([1, 2, 3, 4], [10, 30, 20, 40]) == pytest.approx(0.8)
    # Ranks 0, 1.5, 1.5, 3 and 0, 1, 2, 3.
    assert rank_correlation([1, 2, 2, 4], [1, 2, 3, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)


def test_two_submissions_say_nothing() -> None:
    assert rank_correlation([], []) is None
    assert rank_correlation([0.1, 0.2], [0.1, 0.2]) is None


def test_equal_values_have_no_order() -> None:
    assert rank_correlation([0.5, 0.5, 0.5], [0.1, 0.2, 0.3]) is None
    assert rank_correlation([0.1, 0.2, 0.3], [0.5, 0.5, 0.5]) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=12))
def test_agrees_with_scipy(pairs: list[tuple[int, int]]) -> None:
    stats = pytest.importorskip("scipy.stats")
    first, second = zip(*pairs, strict=True)
    found = rank_correlation(first, second)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        expected = stats.spearmanr(first, second).statistic
    assert found == pytest.approx(expected) if found is not None else expected != expected
