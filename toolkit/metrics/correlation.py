"""Rank correlation: whether two scores put things into the same order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation, -1…1: Pearson's of the ranks, of ties the mean rank.

    None for fewer than three pairs, or when all values of one side are equal.
    """
    if len(first) < 3:
        return None
    a, b = (_ranks(values) - (len(values) - 1) / 2 for values in (first, second))
    spread = float(a @ a) * float(b @ b)
    return float(a @ b) / spread**0.5 if spread else None


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """Return the mean rank of every value, from 0."""
    array = np.asarray(values, np.float64)
    below: NDArray[np.int64] = (array[:, None] > array).sum(axis=1)
    equal: NDArray[np.int64] = (array[:, None] == array).sum(axis=1)
    return below + (equal - 1) / 2
