from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import Component, Context
from toolkit.errors import TrashError, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.registry import Entry, Registry
from toolkit.postprocess.chain import build_chain
from toolkit.postprocess.fill_holes import FillHoles
from toolkit.postprocess.min_area import MinArea
from toolkit.postprocess.smooth import Smooth

CONTEXT = Context(("Background", "Paper", "Glass"))
IMAGE = np.zeros((1, 1, 3), np.uint8)


def build(registry: Registry, name: str, **parameters: Any) -> Any:
    return registry.build("postprocessor", ComponentSpec(name=name, **parameters), CONTEXT)


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
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    pixels=st.integers(1, 12),
    seed=st.integers(0, 5000),
)
def test_min_area_equals_a_flood_fill(height: int, width: int, pixels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.4] * 3, (height, width)).transpose(2, 0, 1) + 0.01
    probabilities = (probabilities / probabilities.sum(0)).astype(np.float32)
    before = probabilities.copy()
    found = MinArea((pixels,) * 3)(probabilities, IMAGE)
    np.testing.assert_array_equal(found.argmax(0), slow_min_area(before, pixels))
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    np.testing.assert_array_equal(probabilities, before)


def test_small_region_goes_to_its_next_best_class() -> None:
    labels = np.zeros((6, 6), int)
    labels[1:3, 1:3] = 1
    labels[4, 3:6] = 1
    second = np.where(labels == 1, 2, 1)
    found = MinArea((4, 4, 4))(as_map(labels, second), IMAGE).argmax(0)
    assert (found[1:3, 1:3] == 1).all()  # 4 pixels stay
    assert (found[4, 3:6] == 2).all()  # 3 pixels go


def test_region_that_was_certain_goes_to_what_surrounds_it() -> None:
    labels = np.full((5, 5), 2)
    labels[2, 2] = 1
    found = MinArea((2, 2, 2))(as_map(labels, labels, sure=1.0), IMAGE)
    assert (found.argmax(0) == 2).all()
    assert np.isfinite(found).all()


def test_each_class_has_its_own_smallest_area(registry: Registry) -> None:
    labels = np.zeros((5, 9), int)
    labels[2, 1:3] = 1
    labels[2, 5:7] = 2
    step = build(registry, "min_area", pixels=5, per_class={"Glass": 2})
    found = step(as_map(labels, np.zeros_like(labels)), IMAGE).argmax(0)
    assert (found[2, 1:3] == 0).all()
    assert (found[2, 5:7] == 2).all()


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
    expected = Smooth(1.0)(MinArea((4, 4, 4))(probabilities, IMAGE), IMAGE)
    np.testing.assert_array_equal(found, expected)
    assert build_chain([], registry, CONTEXT)(probabilities, IMAGE) is probabilities


@pytest.mark.parametrize("broken", [lambda p, i: p[:1], lambda p, i: p * np.nan])
def test_broken_postprocessor_is_named(registry: Registry, broken: Any) -> None:
    entry = Entry("postprocessor", Component("broken", lambda context: broken, ""), "test")
    chain = build_chain([ComponentSpec(name="broken")], Registry([entry]), CONTEXT)
    with pytest.raises(TrashError, match="postprocessor broken"):
        chain(as_map([[0]], [[1]]), IMAGE)


def ring(side: int, label: int) -> NDArray[np.int64]:
    """A closed square line of `label` with `side` - 2 pixels of 0 across, in a field of 0."""
    labels = np.zeros((side + 4, side + 4), int)
    labels[2:-2, 2:-2] = label
    labels[3:-3, 3:-3] = 0
    return labels


def test_a_hole_gets_the_label_around_it(registry: Registry) -> None:
    labels = ring(5, 2)  # nine pixels inside
    labels[4, 4] = 1
    maps = as_map(labels, labels)
    found = build(registry, "fill_holes", pixels=10)(maps, IMAGE)
    filled = found.argmax(0)
    assert (filled[2:-2, 2:-2] == 2).all()
    assert (filled == 0).sum() == 81 - 25
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    outside = filled == labels
    np.testing.assert_array_equal(found[:, outside], maps[:, outside])


def test_larger_holes_and_holes_of_other_classes_stay(registry: Registry) -> None:
    maps = as_map(ring(5, 2), ring(5, 2))
    for parameters in ({"pixels": 9}, {"pixels": 99, "per_class": {"Glass": 0}}):
        np.testing.assert_array_equal(
            build(registry, "fill_holes", **parameters)(maps, IMAGE), maps
        )
    only = build(registry, "fill_holes", pixels=0, per_class={"Glass": 10})(maps, IMAGE)
    assert (only.argmax(0) == 2).sum() == 25


def test_what_touches_the_border_is_no_hole(registry: Registry) -> None:
    labels = ring(5, 1)[4:]  # the image ends inside the ring
    maps = as_map(labels, labels)
    np.testing.assert_array_equal(build(registry, "fill_holes", pixels=99)(maps, IMAGE), maps)


def test_objects_are_no_holes_of_the_background_unless_it_is_named(registry: Registry) -> None:
    labels = np.zeros((7, 7), int)
    labels[3, 3] = 1
    maps = as_map(labels, labels)
    np.testing.assert_array_equal(build(registry, "fill_holes")(maps, IMAGE), maps)
    named = build(registry, "fill_holes", per_class={"Background": 4})(maps, IMAGE)
    assert (named.argmax(0) == 0).all()


def test_holes_in_holes_are_filled_too(registry: Registry) -> None:
    labels = np.zeros((11, 11), int)
    labels[1:-1, 1:-1] = 1
    labels[3:-3, 3:-3] = 2
    labels[5, 5] = 0
    found = build(registry, "fill_holes", pixels=50)(as_map(labels, labels), IMAGE)
    assert (found.argmax(0)[1:-1, 1:-1] == 1).all()


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    pixels=st.integers(0, 12),
    seed=st.integers(0, 5000),
)
def test_fill_holes_equals_a_flood_fill(height: int, width: int, pixels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(2, (height, width), p=[0.35, 0.65])
    expected = labels.copy()
    for start in np.argwhere(labels == 0):
        area, stack = set(), [tuple(start)]
        while stack:
            row, column = stack.pop()
            inside = 0 <= row < height and 0 <= column < width
            if inside and labels[row, column] == 0 and (row, column) not in area:
                area.add((row, column))
                stack += [(row + 1, column), (row - 1, column)]
                stack += [(row, column + 1), (row, column - 1)]
        edge = any(r in (0, height - 1) or c in (0, width - 1) for r, c in area)
        if not edge and len(area) < pixels:
            expected[tuple(start)] = 1
    maps = as_map(labels, labels)
    found = FillHoles((0, pixels, 0))(maps, IMAGE)
    np.testing.assert_array_equal(found.argmax(0), expected)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)


def test_a_factor_lets_a_class_win_earlier(registry: Registry) -> None:
    first = np.linspace(0, 1, 21, dtype=np.float32)[None]
    maps = np.stack([first, 1 - first, np.zeros_like(first)])
    found = build(registry, "class_bias", factors={"Paper": 3.0})(maps, IMAGE)
    np.testing.assert_array_equal(found.argmax(0)[0] == 1, maps[1, 0] > 0.25)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    np.testing.assert_allclose(found[1, 0, 10], 0.75, rtol=1e-6)
    np.testing.assert_array_equal(build(registry, "class_bias")(maps, IMAGE), maps)


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [("min_area", "per_class", 4), ("fill_holes", "per_class", 4), ("class_bias", "factors", 2.0)],
)
def test_an_unknown_class_is_one_message(
    registry: Registry, name: str, parameter: str, value: float
) -> None:
    with pytest.raises(UsageError, match="there is no class called Papre") as caught:
        build(registry, name, **{parameter: {"Papre": value}})
    assert caught.value.hint == "Did you mean Paper?"
    assert caught.value.parameter == parameter
