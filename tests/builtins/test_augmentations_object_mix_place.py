"""Object mix with place = "own": each object stays where it is in its own image."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.builtins.object_mix_pieces import CLASSES, blank, box, cut, letter, make, results
from toolkit import ComponentSpec, Context, CutOut, Sample
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.registry import Registry

SIDE = 64


def at(row: int, column: int, shape: Any = None, source_size: Any = (SIDE, SIDE)) -> CutOut:
    cut_out = cut(letter() if shape is None else shape, label=2, source_size=source_size)
    return replace(cut_out, corner=(row, column))


def canvas_of(cut_out: CutOut) -> NDArray[np.uint8]:
    """Return the object alone in its whole image, uint8 (height, width, 4): RGB and alpha."""
    canvas = np.zeros((*cut_out.source_size, 4), np.uint8)
    row, column = cut_out.corner
    height, width = cut_out.alpha.shape
    canvas[row : row + height, column : column + width, :3] = cut_out.image
    canvas[row : row + height, column : column + width, 3] = cut_out.alpha
    canvas[canvas[..., 3] == 0] = 0
    return canvas


def pasted_pixels(sample: Sample) -> bytes:
    alpha = np.where(sample.mask == 2, np.uint8(255), np.uint8(0))
    return np.dstack([sample.image, alpha]).tobytes()


@pytest.mark.parametrize("corner", [(0, 0), (11, 40), (SIDE - 18, 5)])
def test_nothing_moves_and_nothing_changes(corner: tuple[int, int], registry: Registry) -> None:
    cut_out = at(*corner)
    mix = make(registry, cut_out, size=(SIDE, SIDE), place="own")
    for result in results(mix, blank((SIDE, SIDE)), 5):
        assert pasted_pixels(result) == canvas_of(cut_out).tobytes()


def test_the_defaults_leave_the_pixels_as_they_were_cut_out(registry: Registry) -> None:
    cut_out = at(11, 40)
    context = Context(CLASSES, (SIDE, SIDE), objects=lambda: MemoryBank((cut_out,)))
    spec = ComponentSpec(name="object_mix", place="own", small=0.0)
    canvas = canvas_of(cut_out)
    turned = [np.rot90(flipped, k) for k in range(4) for flipped in (canvas, canvas[:, ::-1])]
    expected = {view.tobytes() for view in turned}
    assert len(expected) == 8
    mix = registry.build("augmentation", spec, context)
    counts = Counter(pasted_pixels(result) for result in results(mix, blank((SIDE, SIDE)), 240))
    assert set(counts) == expected
    assert min(counts.values()) > 10  # 30 on average


def test_places_follow_the_size_of_the_image(registry: Registry) -> None:
    cut_out = at(20, 60, box(20, 30, 0), source_size=(80, 120))
    (result,) = results(make(registry, cut_out, size=(40, 240), place="own"), blank((40, 240)), 1)
    rows, columns = np.nonzero(result.mask)
    assert (rows.min(), rows.max() + 1) == (10, 20)
    assert (columns.min(), columns.max() + 1) == (120, 180)


def test_a_quarter_turn_keeps_the_object_inside_an_oblong_image(registry: Registry) -> None:
    cut_out = at(2, 100, box(8, 8, 0), source_size=(40, 120))
    mix = make(registry, cut_out, size=(40, 120), place="own", quarter_turns=True)
    middles = {
        tuple((np.argwhere(result.mask).mean(axis=0) + 0.5).round().astype(int).tolist())
        for result in results(mix, blank((40, 120)), 40)
    }
    # (6, 104) of (40, 120) is 14 above and 44 right of the middle.
    assert middles == {(6, 104), (5, 18), (34, 16), (35, 102)}


def test_a_large_object_shrinks_with_its_image_around_the_middle(registry: Registry) -> None:
    cut_out = at(8, 0, box(40, 30, 0))
    mix = make(registry, cut_out, size=(SIDE, SIDE), place="own", large=0.1, large_scale=0.5)
    (result,) = results(mix, blank((SIDE, SIDE)), 1)
    half = cv2.resize(canvas_of(cut_out), (32, 32), interpolation=cv2.INTER_NEAREST)
    expected = cv2.copyMakeBorder(half, 16, 16, 16, 16, cv2.BORDER_CONSTANT, value=0)
    np.testing.assert_array_equal(result.mask != 0, expected[..., 3] != 0)


def test_a_small_object_grows_inside_a_random_part_of_its_image(registry: Registry) -> None:
    cut_out = at(50, 3, box(6, 4, 0))
    mix = make(registry, cut_out, size=(SIDE, SIDE), place="own", small=0.01, small_scale=2.0)
    found = results(mix, blank((SIDE, SIDE)), 300)
    boxes = [cv2.boundingRect(result.mask) for result in found]
    # The window is 32 pixels wide and high; it begins in column 0 … 5 and in row 21 … 32.
    whole = {(left, top) for left, top, width, height in boxes if (width, height) == (8, 12)}
    assert {left for left, _ in whole} == set(range(0, 7))
    assert {top for _, top in whole} == set(range(36, 53))
    assert all(width in range(4, 9) and height in range(6, 13) for _, _, width, height in boxes)


def test_an_angle_turns_the_whole_image(registry: Registry) -> None:
    cut_out = at(10, 26, box(4, 20, 0))
    mix = make(registry, cut_out, size=(SIDE, SIDE), place="own", rotate=60.0)
    before = np.argwhere(canvas_of(cut_out)[..., 3]).mean(axis=0) - (SIDE - 1) / 2
    angles = []
    for result in results(mix, blank((SIDE, SIDE)), 60):
        after = np.argwhere(result.mask).mean(axis=0) - (SIDE - 1) / 2
        assert np.hypot(*after) == pytest.approx(np.hypot(*before), abs=1)
        turn = np.degrees(np.arctan2(before[0], before[1]) - np.arctan2(after[0], after[1]))
        # The object itself turns with it: its long axis.
        spread = np.cov((np.argwhere(result.mask) - np.argwhere(result.mask).mean(axis=0)).T)
        axis = np.degrees(0.5 * np.arctan2(-2 * spread[0, 1], spread[1, 1] - spread[0, 0]))
        assert (axis - turn + 90) % 180 - 90 == pytest.approx(0, abs=4)
        angles.append(turn)
    assert -62 < min(angles) < -40
    assert 40 < max(angles) < 62


def test_an_object_outside_the_image_is_not_pasted(registry: Registry) -> None:
    """A corner of an image, turned by 45 degrees."""
    cut_out = at(0, 0, box(2, 2, 0))
    mix = make(registry, cut_out, size=(SIDE, SIDE), place="own", rotate=60.0, blend=1.0)
    pixels = [np.count_nonzero(result.mask) for result in results(mix, blank((SIDE, SIDE)), 60)]
    assert 0 in pixels
    assert max(pixels) >= 3


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 60)),
    corner=st.tuples(st.integers(0, 30), st.integers(0, 40)),
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    scale=st.floats(0.1, 4.0),
    rotate=st.sampled_from([0.0, 60.0, 180.0]),
    blend=st.sampled_from([0.0, 2.0]),
    distorted=st.sampled_from([0.0, 1.0]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=80, deadline=None)
def test_wherever_an_object_ends_the_sample_stays_a_sample(
    shape: tuple[int, int],
    corner: tuple[int, int],
    size: tuple[int, int],
    scale: float,
    rotate: float,
    blend: float,
    distorted: float,
    seed: int,
    registry: Registry,
) -> None:
    cut_out = at(*corner, box(*shape, 0), source_size=(70, 100))
    mix = make(
        registry,
        cut_out,
        size=size,
        place="own",
        scale=[scale, scale],
        rotate=rotate,
        blend=blend,
        grid_distortion=distorted,
        quarter_turns=True,
        hflip=0.5,
        vflip=0.5,
    )
    sample = blank(size, label=3)
    result = mix(sample, np.random.default_rng(seed))
    assert result.image.shape == (*size, 3)
    assert set(np.unique(result.mask).tolist()) <= {2, 3}
    assert not sample.image.any()
    assert (sample.mask == 3).all()
