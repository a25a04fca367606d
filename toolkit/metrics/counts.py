"""Counting labels fast: a histogram of small unsigned integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# A bincount of pairs has 65,536 bins to clear and to fold: it pays for large arrays only.
_PAIRS_PAY_FROM = 1 << 19
# Finding the runs pays as long as they are this many pixels long on average.
_LONG_RUN = 16


def count_keys(keys: NDArray[Any], n_values: int | None = None) -> NDArray[np.int64]:
    """Return how often each value occurs, int64: (256,) for uint8 keys, (65536,) for uint16 keys.

    With `n_values` the counts of these values are enough, so that fewer bins are cleared.

    Label maps consist of runs, so runs are counted where they are long, with their lengths as
    weights; the sums of float64 weights are exact below 2**53 pixels.
    """
    keys = np.ascontiguousarray(keys).ravel()
    n_bins = n_values or 1 << (8 * keys.itemsize)
    if keys.size == 0:
        return np.zeros(n_bins, np.int64)
    borders = keys[1:] != keys[:-1]
    if np.count_nonzero(borders) * _LONG_RUN < keys.size:
        starts = np.concatenate(([0], np.flatnonzero(borders) + 1))
        lengths = np.diff(starts, append=keys.size)
        return np.bincount(keys[starts], lengths, n_bins).astype(np.int64)
    if keys.dtype == np.uint8 and keys.size >= _PAIRS_PAY_FROM:
        even = keys.size - keys.size % 2
        pairs = np.bincount(keys[:even].view(np.uint16), minlength=1 << 16).reshape(256, 256)
        counts: NDArray[np.int64] = pairs.sum(0) + pairs.sum(1)
        counts[keys[even:]] += 1
        return counts
    return np.bincount(keys, minlength=n_bins)
