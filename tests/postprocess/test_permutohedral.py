from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postprocess.slow_crf import exact_filter, lattice_filter
from toolkit.errors import TrashError
from toolkit.postprocess.permutohedral import make_filter


def apply_filter(features: np.ndarray, values: np.ndarray, weight: float = 1.0) -> np.ndarray:
    tensor = torch.from_numpy(np.ascontiguousarray(features.T, np.float32))
    return (make_filter(tensor, weight) @ torch.from_numpy(values.astype(np.float32))).numpy()


@settings(max_examples=30, deadline=None)
@given(
    d=st.integers(1, 5),
    points=st.integers(1, 40),
    spread=st.floats(0.1, 30),
    seed=st.integers(0, 5000),
)
def test_it_equals_the_lattice_point_by_point(
    d: int, points: int, spread: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(0, spread, (points, d)).astype(np.float32)
    values = rng.random((points, 3))
    np.testing.assert_allclose(
        apply_filter(features, values, 2.0), 2 * lattice_filter(features, values), atol=2e-3
    )


@pytest.mark.parametrize(("d", "atol"), [(1, 0.06), (2, 0.08), (3, 0.15)])
def test_it_is_nearly_a_gaussian(d: int, atol: float) -> None:
    rng = np.random.default_rng(0)
    features, values = rng.normal(0, 1.5, (200, d)), rng.random((200, 2))
    found, expected = apply_filter(features, values), exact_filter(features, values)
    np.testing.assert_allclose(found, expected, atol=atol)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.97


def test_equal_points_get_their_mean() -> None:
    found = apply_filter(np.zeros((4, 2)), np.array([[1.0], [2], [3], [6]]))
    np.testing.assert_allclose(found, 3, rtol=1e-5)


def test_far_points_keep_to_themselves() -> None:
    features = np.array([[0.0, 0], [100, 0], [0, 100]])
    values = np.array([[1.0], [5], [9]])
    np.testing.assert_allclose(apply_filter(features, values), values, rtol=1e-5)


def test_features_that_spread_too_far_are_one_message() -> None:
    features = np.array([[0.0] * 5, [1e5] * 5])
    with pytest.raises(TrashError, match="too small") as caught:
        apply_filter(features, np.ones((2, 1)))
    assert "bilateral_xy" in caught.value.hint
