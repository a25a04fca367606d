from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.fold_balance import even_out, imbalance
from toolkit.data.folds import stratify

Drawn = tuple[int, list[list[int]], int]


def drawn_groups(most_groups: int, most_folds: int) -> st.SearchStrategy[Drawn]:
    """Folds, rows of (images, images of class A, images of class B), a seed."""
    group = st.integers(1, 30).flatmap(
        lambda size: st.tuples(st.just(size), st.integers(0, size), st.integers(0, size)).map(list)
    )
    return st.integers(2, most_folds).flatmap(
        lambda k: st.tuples(
            st.just(k), st.lists(group, min_size=k, max_size=most_groups), st.integers(0, 9)
        )
    )


def slow_imbalance(fold_of: np.ndarray, counts: np.ndarray, n_folds: int) -> float:
    total = 0.0
    for column in counts.T:
        for fold in range(n_folds):
            held = sum(
                int(value) for value, own in zip(column, fold_of, strict=True) if own == fold
            )
            fair = int(column.sum()) / n_folds
            if fair:
                total += (held - fair) ** 2 / fair
    return total


def divide(counts: np.ndarray, n_folds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    start = stratify(counts[:, 1:], n_folds, seed, counts[:, 0])
    return start, even_out(start, counts, n_folds)


@given(drawn_groups(12, 4))
def test_folds_are_never_less_equal_than_those_of_stratify(drawn: Drawn) -> None:
    n_folds, rows, seed = drawn
    counts = np.array(rows, dtype=np.int64)
    start, found = divide(counts, n_folds, seed)
    for fold_of in (start, found):
        assert imbalance(fold_of, counts, n_folds) == pytest.approx(
            slow_imbalance(fold_of, counts, n_folds)
        )
    assert set(found.tolist()) == set(range(n_folds))  # none is empty
    if len(set(start.tolist())) == n_folds:
        assert imbalance(found, counts, n_folds) <= imbalance(start, counts, n_folds) + 1e-9
    np.testing.assert_array_equal(found, divide(counts, n_folds, seed)[1])


@given(drawn_groups(10, 4))
def test_no_move_and_no_exchange_is_left_that_helps(drawn: Drawn) -> None:
    n_folds, rows, seed = drawn
    counts = np.array(rows, dtype=np.int64)
    found = divide(counts, n_folds, seed)[1]
    least = slow_imbalance(found, counts, n_folds) - 1e-6
    for group, fold in itertools.product(range(len(rows)), range(n_folds)):
        moved = found.copy()
        moved[group] = fold
        if len(set(moved.tolist())) == n_folds:
            assert slow_imbalance(moved, counts, n_folds) >= least
    for one, other in itertools.combinations(range(len(rows)), 2):
        exchanged = found.copy()
        exchanged[[one, other]] = found[[other, one]]
        assert slow_imbalance(exchanged, counts, n_folds) >= least


def spread_first(counts: np.ndarray, n_folds: int) -> np.ndarray:
    """Slow reference, the rule of scikit-learn's StratifiedGroupKFold.

    Groups whose class counts differ most go first, each to the fold with which the shares of the
    classes deviate least over the folds.
    """
    classes = counts[:, 1:]
    totals = np.maximum(classes.sum(axis=0), 1)
    held = np.zeros((n_folds, classes.shape[1]))
    n_images = np.zeros(n_folds)
    fold_of = np.zeros(len(counts), np.int64)
    for group in np.argsort(-classes.std(axis=1), kind="stable"):
        keys = []
        for fold in range(n_folds):
            tried = held.copy()
            tried[fold] += classes[group]
            keys.append(((tried / totals).std(axis=0).mean(), n_images[fold], fold))
        fold = min(keys)[2]
        held[fold] += classes[group]
        n_images[fold] += counts[group, 0]
        fold_of[group] = fold
    return fold_of


def scenes(seed: int, n_groups: int) -> np.ndarray:
    """Scenes of 1 … 60 images; some classes are in nearly all of them, some in few."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 60, n_groups)
    shares = rng.beta(0.5, 0.5 * np.array([1, 2, 5, 10, 20, 40]), size=(n_groups, 6))
    return np.column_stack([sizes, rng.binomial(sizes[:, None], shares)]).astype(np.int64)


@pytest.mark.parametrize("n_groups", [20, 100])
def test_folds_of_scenes_are_more_equal_than_by_the_usual_rule(n_groups: int) -> None:
    ratios = []
    for seed in range(10):
        counts = scenes(seed, n_groups)
        usual = imbalance(spread_first(counts, 5), counts, 5)
        ratios.append(imbalance(divide(counts, 5, seed)[1], counts, 5) / usual)
    assert np.median(ratios) < 0.7
    assert max(ratios) < 1


def test_the_best_of_all_divisions_is_nearly_found() -> None:
    """Of eight groups all 2^8 divisions can be tried."""
    ratios = []
    for seed in range(20):
        counts = scenes(seed, 8)
        best = min(
            imbalance(np.array(each), counts, 2) for each in itertools.product((0, 1), repeat=8)
        )
        ratios.append(imbalance(divide(counts, 2, seed)[1], counts, 2) / best)
    assert np.median(ratios) < 1.2


def test_a_fold_that_would_be_empty_gets_the_group_that_fits_it_best() -> None:
    counts = np.array([[50, 50], [1, 0], [2, 0]], dtype=np.int64)
    found = even_out(np.array([0, 1, 1]), counts, 3)
    assert sorted(found.tolist()) == [0, 1, 2]
    assert found[0] == 0
