from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.predict.tiles import Axis, Tiles

SIDES = st.integers(1, 300)
WINDOWS = st.integers(1, 80)
OVERLAPS = st.floats(0, 0.9)


@settings(max_examples=200, deadline=None)
@given(SIDES, WINDOWS, OVERLAPS)
def test_windows_cover_a_side_and_their_weights_sum_to_1(
    side: int, window: int, overlap: float
) -> None:
    axis = Axis(side, window, overlap)
    length = side + sum(axis.border)
    assert length == max(side, window)
    total = np.zeros(length)
    for start, share in zip(axis.starts, axis.shares, strict=True):
        assert 0 <= start <= length - window
        assert (share > 0).all()
        total[start : start + window] += share
    np.testing.assert_allclose(total, 1, atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(SIDES, st.integers(4, 80), OVERLAPS)
def test_neighbours_have_at_least_the_overlap_in_common(
    side: int, window: int, overlap: float
) -> None:
    starts = Axis(side, window, overlap).starts
    assert list(starts) == sorted(set(starts))
    steps = np.diff(starts)
    assert (steps <= max(1, int(window * (1 - overlap)))).all()
    if len(starts) > 1:
        # One window fewer would leave less in common, or a gap.
        rest = max(side - window, 0)
        assert rest > (len(starts) - 2) * max(1, int(window * (1 - overlap)))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 120),
    st.integers(1, 120),
    st.integers(1, 40),
    st.integers(1, 40),
    OVERLAPS,
    st.integers(0, 2**32 - 1),
)
def test_what_a_pixel_alone_decides_is_the_same_tiled_and_whole(
    height: int, width: int, rows: int, columns: int, overlap: float, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    tiles = Tiles(Axis(height, rows, overlap), Axis(width, columns, overlap))

    def pointwise(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores = picture.transpose(2, 0, 1).astype(np.float32) + 1
        return scores / scores.sum(0)

    def windows() -> Iterator[NDArray[np.uint8]]:
        for window in tiles.cut(image):
            assert window.shape == (rows, columns, 3)
            yield window

    found = tiles.blend(map(pointwise, windows()))
    np.testing.assert_allclose(found, pointwise(image), atol=2e-6)


def test_small_image_is_surrounded_by_its_reflection() -> None:
    image = np.arange(5 * 3 * 3, dtype=np.uint8).reshape(5, 3, 3)
    (window,) = Tiles(Axis(5, 12, 0.5), Axis(3, 8, 0.5)).cut(image)
    expected = np.pad(image, ((3, 4), (2, 3), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(window, expected)


def test_blend_equals_a_weighted_mean_written_out() -> None:
    tiles = Tiles(Axis(23, 9, 0.4), Axis(14, 10, 0.25))
    rng = np.random.default_rng(0)
    maps = rng.uniform(size=(len(tiles), 2, 9, 10)).astype(np.float32)
    found = tiles.blend(iter(maps))
    places = list(product(tiles.rows.starts, tiles.columns.starts))
    for y, x in product(range(23), range(14)):
        above, below = np.zeros(2), 0.0
        for (top, left), each in zip(places, maps, strict=True):
            if top <= y < top + 9 and left <= x < left + 10:
                down = np.sin(np.pi * (y - top + 0.5) / 9) ** 2
                across = np.sin(np.pi * (x - left + 0.5) / 10) ** 2
                above += down * across * each[:, y - top, x - left]
                below += down * across
        np.testing.assert_allclose(found[:, y, x], above / below, atol=1e-5)


def test_seams_are_smooth() -> None:
    # Two windows that disagree: the map goes from one to the other in small steps.
    tiles = Tiles(Axis(8, 8, 0.25), Axis(56, 32, 0.25))
    zero, one = np.zeros((1, 8, 32), np.float32), np.ones((1, 8, 32), np.float32)
    row = tiles.blend(iter([zero, one]))[0, 4]
    assert (row[:24] == 0).all()
    np.testing.assert_allclose(row[32:], 1)
    assert 0 < np.diff(row[23:34]).max() < 0.3


def test_a_missing_window_is_an_error() -> None:
    tiles = Tiles(Axis(8, 8, 0.25), Axis(56, 32, 0.25))
    with pytest.raises(ValueError, match="shorter"):
        tiles.blend(iter([np.zeros((1, 8, 32), np.float32)]))
