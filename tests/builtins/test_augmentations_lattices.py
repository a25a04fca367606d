"""Cutout, GridMask, hide-and-seek and grid shuffle: which pixels are hidden or moved."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from toolkit import ComponentSpec, Context, Sample
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry


def make(
    registry: Registry, name: str, input_size: tuple[int, int] = (96, 96), /, **parameters: object
) -> Augmentation:
    context = Context(("a", "b", "c", "d"), image_size=input_size)
    return registry.build("augmentation", ComponentSpec(name=name, **parameters), context)


def bright(height: int, width: int) -> Sample:
    """A sample without black pixels."""
    rng = np.random.default_rng(0)
    image = rng.integers(1, 256, (height, width, 3), dtype=np.uint8)
    return Sample(image, rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width)))


def hidden(augmentation: Augmentation, sample: Sample, seed: int) -> np.ndarray:
    """Return bool (H, W): what is black; everything else must be as it was."""
    result = augmentation(sample, np.random.default_rng(seed))
    np.testing.assert_array_equal(result.mask, sample.mask)
    black = (result.image == 0).all(axis=-1)
    np.testing.assert_array_equal(result.image[~black], sample.image[~black])
    return black


def test_cutout_blanks_squares_of_the_image_only(registry: Registry) -> None:
    sample = bright(96, 96)
    cutout = make(registry, "cutout", holes=1, size=20, fill=0)
    places = [np.nonzero(hidden(cutout, sample, seed)) for seed in range(20)]
    assert all(len(rows) == 400 for rows, _ in places)
    assert all((np.ptp(rows), np.ptp(columns)) == (19, 19) for rows, columns in places)
    assert len({(rows[0], columns[0]) for rows, columns in places}) > 15


def test_cutout_fills_with_the_value_it_is_given(registry: Registry) -> None:
    sample = Sample(np.full((96, 96, 3), 200, np.uint8), np.zeros((96, 96), np.uint8))
    result = make(registry, "cutout", holes=2, size=10, fill=7)(sample, np.random.default_rng(0))
    assert 100 < (result.image == 7).all(axis=-1).sum() <= 200


def test_cutout_of_background_alone_blanks_the_same_squares_but_no_object(
    registry: Registry,
) -> None:
    sample = bright(96, 96)
    everything = make(registry, "cutout", holes=8, size=10)
    background = make(registry, "cutout", holes=8, size=10, background_only=True)
    for seed in range(10):
        # Ignored pixels may be objects.
        expected = hidden(everything, sample, seed) & (sample.mask == 0)
        np.testing.assert_array_equal(hidden(background, sample, seed), expected)


@pytest.mark.parametrize("mode", ["corner", "inverse", "two"])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 71)])
def test_grid_mask_blanks_the_squares_of_its_definition(
    height: int, width: int, mode: str, registry: Registry
) -> None:
    cells, ratio = 3, 0.4
    grid_mask = make(registry, "grid_mask", (height, width), cells=cells, ratio=ratio, mode=mode)
    black = hidden(grid_mask, bright(height, width), 3)
    rng = np.random.default_rng(3)
    offset_y, offset_x = rng.random(), rng.random()
    for y in range(height):
        for x in range(width):
            in_y, in_x = (y / (height / cells) + offset_y) % 1, (x / (width / cells) + offset_x) % 1
            first = in_y < ratio and in_x < ratio
            second = in_y >= 1 - ratio and in_x >= 1 - ratio
            expected = {"corner": first, "inverse": not first, "two": first or second}
            assert black[y, x] == expected[mode]


@pytest.mark.parametrize(("mode", "share"), [("corner", 0.25), ("inverse", 0.75), ("two", 0.5)])
def test_grid_mask_hides_the_same_area_at_every_offset(
    mode: str, share: float, registry: Registry
) -> None:
    sample = bright(64, 96)
    grid_mask = make(registry, "grid_mask", (64, 96), cells=4, mode=mode)
    patterns = [hidden(grid_mask, sample, seed) for seed in range(30)]
    assert {pattern.mean() for pattern in patterns} == {share}
    assert len({pattern.tobytes() for pattern in patterns}) > 25


def test_hide_and_seek_hides_whole_cells_of_one_of_its_sides(registry: Registry) -> None:
    sample = bright(70, 100)
    hide = make(registry, "hide_and_seek", (70, 100), cells=[0, 8, 30])
    sides = {0: 0, 8: 0, 30: 0}
    for seed in range(120):
        black = hidden(hide, sample, seed)
        fitting = [
            side
            for side in (30, 8)
            if all(
                len(np.unique(black[top : top + side, left : left + side])) == 1
                for top in range(0, 70, side)
                for left in range(0, 100, side)
            )
        ]
        sides[fitting[0] if black.any() else 0] += 1
    assert all(0.2 < count / 120 < 0.47 for count in sides.values())


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_hide_and_seek_hides_its_share_of_the_cells(share: float, registry: Registry) -> None:
    hide = make(registry, "hide_and_seek", cells=[12], share=share)
    sample = bright(96, 96)
    area = np.mean([hidden(hide, sample, seed).mean() for seed in range(40)])
    assert area == pytest.approx(share, abs=0.04)


def test_grid_shuffle_moves_image_and_labels_by_whole_cells(registry: Registry) -> None:
    sample = bright(48, 72)
    shuffle = make(registry, "grid_shuffle", (48, 72), cells=3)
    orders = set()
    for seed in range(30):
        result = shuffle(sample, np.random.default_rng(seed))
        order = []
        for row in range(3):
            for column in range(3):
                here = slice(16 * row, 16 * row + 16), slice(24 * column, 24 * column + 24)
                fitting = [
                    (y, x)
                    for y in range(3)
                    for x in range(3)
                    if np.array_equal(
                        sample.image[16 * y : 16 * y + 16, 24 * x : 24 * x + 24], result.image[here]
                    )
                ]
                (y, x) = fitting[0]
                there = slice(16 * y, 16 * y + 16), slice(24 * x, 24 * x + 24)
                np.testing.assert_array_equal(result.mask[here], sample.mask[there])
                order.append((y, x))
        assert len(set(order)) == 9
        orders.add(tuple(order))
    assert len(orders) == 30


def test_grid_shuffle_sends_every_cell_everywhere(registry: Registry) -> None:
    mask = np.arange(9, dtype=np.uint8).reshape(3, 3).repeat(2, axis=0).repeat(2, axis=1)
    sample = Sample(np.zeros((6, 6, 3), np.uint8), mask)
    shuffle = make(registry, "grid_shuffle", (6, 6), cells=3)
    counts = np.zeros((9, 9))
    for seed in range(900):
        cells = shuffle(sample, np.random.default_rng(seed)).mask[::2, ::2]
        counts[np.arange(9), cells.ravel()] += 1
    assert (counts > 60).all()
    assert (counts < 145).all()


@pytest.mark.parametrize(("height", "width"), [(47, 50), (5, 7)])
def test_grid_shuffle_fills_sizes_that_do_not_divide(
    height: int, width: int, registry: Registry
) -> None:
    """Each cell of the result is a part of the sample that starts within a pixel of a cell."""
    cells = 3
    sample = bright(height, width)
    shuffle = make(registry, "grid_shuffle", (height, width), cells=cells)
    tops = [height * i // cells for i in range(cells + 1)]
    lefts = [width * i // cells for i in range(cells + 1)]
    for seed in range(10):
        result = shuffle(sample, np.random.default_rng(seed))
        for top, bottom in pairwise(tops):
            for left, right in pairwise(lefts):
                part = result.image[top:bottom, left:right]
                labels = result.mask[top:bottom, left:right]
                matches = [
                    (y, x)
                    for y in range(height - (bottom - top) + 1)
                    for x in range(width - (right - left) + 1)
                    if np.array_equal(
                        sample.image[y : y + bottom - top, x : x + right - left], part
                    )
                ]
                (y, x) = matches[0]
                np.testing.assert_array_equal(
                    sample.mask[y : y + bottom - top, x : x + right - left], labels
                )
                assert min(abs(y - start) for start in tops[:-1]) <= 1
                assert min(abs(x - start) for start in lefts[:-1]) <= 1
