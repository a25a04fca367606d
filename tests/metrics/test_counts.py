from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.metrics.counts import count_keys


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 40)), max_size=30),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_counts_runs_of_any_length(runs: list[tuple[int, int]], dtype: type) -> None:
    keys = [value for value, length in runs for _ in range(length)]
    counts = count_keys(np.array(keys, dtype))
    assert counts.dtype == np.int64
    assert {k: n for k, n in enumerate(counts.tolist()) if n} == dict(Counter(keys))
    assert count_keys(np.array(keys, dtype), 100)[:100].tolist() == counts[:100].tolist()


@pytest.mark.parametrize("size", [(1 << 19) - 1, 1 << 19, (1 << 19) + 1])
def test_counts_noise_of_any_size(size: int) -> None:
    keys = np.random.default_rng(size).integers(0, 256, size).astype(np.uint8)
    expected = [np.count_nonzero(keys == value) for value in range(256)]
    assert count_keys(keys).tolist() == expected
