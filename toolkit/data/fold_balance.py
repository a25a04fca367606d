"""Evening out folds of groups of images, which differ in size and so leave more to chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CANDIDATES = 256
"""Groups of a fold that are tried in exchanges: those that would go over with the least harm."""

_LEAST = 1e-9
"""Smaller gains are rounding errors."""


def imbalance(fold_of: NDArray[np.int64], counts: NDArray[np.int64], n_folds: int) -> float:
    """Return how unequal folds are, 0 for equal ones: Pearson's chi-squared of folds × columns.

    That is the sum over folds and columns of (count - fair share)² / fair share.

    Args:
        fold_of: fold of each group, int64 (n_groups,).
        counts: what each group holds of each column (images, images of each class), not negative,
            int64 (n_groups, n_columns).
        n_folds: number of folds.
    """
    sums = _sums(fold_of, counts, n_folds)
    fair = np.maximum(counts.sum(axis=0), 1) / n_folds
    return float(((sums - counts.sum(axis=0) / n_folds) ** 2 / fair).sum())


def even_out(
    fold_of: NDArray[np.int64], counts: NDArray[np.int64], n_folds: int
) -> NDArray[np.int64]:
    """Return folds that no move of one group and no exchange of two makes more equal.

    Local search: the best move is made while one lowers the `imbalance`, then the best exchange.
    The result is never less equal than the start, but for folds without a group, which get one.

    Args:
        fold_of: the start, int64 (n_groups,), values 0 … n_folds - 1; n_groups >= n_folds.
        counts: see `imbalance`.
        n_folds: number of folds.
    """
    fold_of = fold_of.copy()
    weights = n_folds / np.maximum(counts.sum(axis=0), 1)
    for empty in np.flatnonzero(np.bincount(fold_of, minlength=n_folds) == 0):
        changes = _changes(fold_of, counts, n_folds, weights)
        fold_of[np.argmin(changes[:, empty])] = empty
    while True:
        changes = _changes(fold_of, counts, n_folds, weights)
        group, fold = np.unravel_index(np.argmin(changes), changes.shape)
        if changes[group, fold] < -_LEAST:
            fold_of[group] = fold
            continue
        pair = _best_exchange(fold_of, counts, n_folds, weights)
        if pair is None:
            return fold_of
        fold_of[list(pair)] = fold_of[list(pair[::-1])]


def _sums(fold_of: NDArray[np.int64], counts: NDArray[np.int64], n_folds: int) -> NDArray[np.int64]:
    sums = np.zeros((n_folds, counts.shape[1]), dtype=np.int64)
    np.add.at(sums, fold_of, counts)
    return sums


def _costs(
    fold_of: NDArray[np.int64],
    counts: NDArray[np.int64],
    n_folds: int,
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return by how much the imbalance changes when a group goes to a fold: (groups, folds).

    With x a group, S the sums of the folds and a its fold: 2 x·S_fold - 2 x·S_a + 2 x·x.
    """
    weighted = counts * weights
    towards = weighted @ _sums(fold_of, counts, n_folds).T
    own = np.take_along_axis(towards, fold_of[:, None], axis=1)
    return np.asarray(2 * (towards - own + (weighted * counts).sum(axis=1, keepdims=True)))


def _changes(
    fold_of: NDArray[np.int64],
    counts: NDArray[np.int64],
    n_folds: int,
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the costs of the moves that are possible: no fold is left without a group."""
    costs = _costs(fold_of, counts, n_folds, weights)
    costs[np.arange(len(fold_of)), fold_of] = 0
    costs[np.bincount(fold_of, minlength=n_folds)[fold_of] == 1] = np.inf
    return costs


def _best_exchange(
    fold_of: NDArray[np.int64],
    counts: NDArray[np.int64],
    n_folds: int,
    weights: NDArray[np.float64],
) -> tuple[int, int] | None:
    """Return two groups of two folds whose exchange lowers the imbalance most, if any does."""
    costs = _costs(fold_of, counts, n_folds, weights)
    best, pair = -_LEAST, None
    for first in range(n_folds):
        for second in range(first + 1, n_folds):
            there = _cheapest(np.flatnonzero(fold_of == first), costs[:, second])
            back = _cheapest(np.flatnonzero(fold_of == second), costs[:, first])
            together = (counts[there] * weights) @ counts[back].T
            change = costs[there, second][:, None] + costs[back, first] - 4 * together
            row, column = np.unravel_index(np.argmin(change), change.shape)
            if change[row, column] < best:
                best, pair = float(change[row, column]), (int(there[row]), int(back[column]))
    return pair


def _cheapest(groups: NDArray[np.int64], costs: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(groups[np.argsort(costs[groups], kind="stable")[:_CANDIDATES]])
