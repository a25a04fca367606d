from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import Component, Context
from toolkit.errors import TrashError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import Entry, Registry
from toolkit.postprocess.chain import build_chain
from toolkit.postprocess.min_area import MinArea
from toolkit.postprocess.smooth import Smooth

CONTEXT = Context(("Background", "Paper", "Glass"))
IMAGE = np.zeros((1, 1, 3), np.uint8)


def as_map(labels: Any, second: Any, sure: float = 0.7) -> NDArray[np.float32]:
    """`labels` get `sure`, `second` most of the rest."""
    labels, second = np.asarray(labels), np.asarray(second)
    rest = (1 - sure) / 3
    probabilities = np.full((3, *labels.shape), rest, np.float32)
    np.put_along_axis(probabilities, second[None], 2 * rest, 0)
    np.put_along_axis(probabilities, labels[None], sure, 0)
    return probabilities / probabilities.sum(0)


def slow_min_area(probabilities: Any, pixels: int) -> NDArray[np.int64]:
    """Flood fill; returns labels."""
    labels = probabilities.argmax(0)
    result = labels.copy()
    height, width = labels.shape
    seen = np.zeros(labels.shape, bool)
    for start in np.ndindex(height, width):
        if seen[start]:
            continue
        region, stack = [], [start]
        seen[start] = True
        while stack:
            row, column = stack.pop()
            region.append((row, column))
            for r in range(max(row - 1, 0), min(row + 2, height)):
                for c in range(max(column - 1, 0), min(column + 2, width)):
                    if not seen[r, c] and labels[r, c] == labels[start]:
                        seen[r, c] = True
                        stack.append((r, c))
        if len(region) < pixels and len(region) < labels.size:
            for row, column in region:
                values = probabilities[:, row, column].copy()
                values[labels[start]] = -1
                result[row, column] = values.argmax()
    return result


@settings(max_examples=80, deadline=None)
@given(
    height=st.integers(1, 9), width=st.integers(1, 9), pixels=st.integers(1, 12),
    seed=st.integers(0, 5000),
)  # fmt: skip
def test_min_area_equals_a_flood_fill(height: int, width: int, pixels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.4] * 3, (height, width)).transpose(2, 0, 1) + 0.01
    probabilities = (probabilities / probabilities.sum(0)).astype(np.float32)
    before = probabilities.copy()
    found = MinArea(pixels)(probabilities, IMAGE)
    np.testing.assert_array_equal(found.argmax(0), slow_min_area(before, pixels))
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, before)


def test_small_region_goes_to_its_next_best_class() -> None:
    labels = np.zeros((6, 6), int)
    labels[1:3, 1:3] = 1
    labels[4, 3:6] = 1
    second = np.where(labels == 1, 2, 1)
    found = MinArea(4)(as_map(labels, second), IMAGE).argmax(0)
    assert (found[1:3, 1:3] == 1).all()  # 4 pixels stay
    assert (found[4, 3:6] == 2).all()  # 3 pixels go


def test_region_that_was_certain_goes_to_what_surrounds_it() -> None:
    labels = np.full((5, 5), 2)
    labels[2, 2] = 1
    found = MinArea(2)(as_map(labels, labels, sure=1.0), IMAGE)
    assert (found.argmax(0) == 2).all()
    assert np.isfinite(found).all()


def test_smooth_keeps_flat_maps_and_moves_single_pixels() -> None:
    labels = np.zeros((15, 15), int)
    labels[7, 7] = 1
    probabilities = as_map(labels, labels, sure=0.9)
    found = Smooth(1.5)(probabilities, IMAGE)
    assert (found.argmax(0) == 0).all()
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    np.testing.assert_allclose(found[:, 0, 0], probabilities[:, 0, 0], atol=1e-6)


def test_smooth_equals_a_sampled_gaussian() -> None:
    probabilities = np.zeros((2, 21, 21), np.float32)
    probabilities[0] = 1
    probabilities[:, 10, 10] = 0, 1
    found = Smooth(1.0)(probabilities, IMAGE)[1, 10, 7:14]
    line = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    expected = (line / line.sum() * line[4] / line.sum())[1:8]
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_steps_are_applied_in_order(registry: Registry) -> None:
    specs = [ComponentSpec(name="min_area", pixels=4), ComponentSpec(name="smooth", sigma=1.0)]
    labels = np.zeros((8, 8), int)
    labels[2, 2] = 1
    probabilities = as_map(labels, labels)
    found = build_chain(specs, registry, CONTEXT)(probabilities, IMAGE)
    expected = Smooth(1.0)(MinArea(4)(probabilities, IMAGE), IMAGE)
    np.testing.assert_array_equal(found, expected)
    assert build_chain([], registry, CONTEXT)(probabilities, IMAGE) is probabilities


@pytest.mark.parametrize("broken", [lambda p, i: p[:1], lambda p, i: p * np.nan])
def test_broken_postprocessor_is_named(registry: Registry, broken: Any) -> None:
    entry = Entry("postprocessor", Component("broken", lambda context: broken, ""), "test")
    chain = build_chain([ComponentSpec(name="broken")], Registry([entry]), CONTEXT)
    with pytest.raises(TrashError, match="postprocessor broken"):
        chain(as_map([[0]], [[1]]), IMAGE)
