"""Object mix: which objects are pasted, where, how large, how turned, and with which edge."""

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

from tests.builtins.object_mix_pieces import blank, box, cut, letter, make, results
from toolkit.data.resize import resize_shape
from toolkit.plugin.registry import Registry


def trimmed(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the smallest part that holds all that is not 0."""
    rows, columns = np.nonzero(pixels.any(1))[0], np.nonzero(pixels.any(0))[0]
    return np.asarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] != 0)


def test_labels_are_the_alpha_and_pixels_those_of_the_cut_out(registry: Registry) -> None:
    shape = letter()
    cut_out, sample = cut(shape, label=3), blank()
    top, left = np.argwhere(shape).min(axis=0)
    corners = set()
    for result in results(make(registry, cut_out), sample, 400):
        pasted = result.mask != 0
        assert np.array_equal(trimmed(pasted), trimmed(shape))
        assert set(result.mask[pasted].tolist()) == {3}
        y, x = np.argwhere(pasted).min(axis=0)
        rows, columns = np.nonzero(pasted)
        expected = cut_out.image[rows - y + top, columns - x + left]
        np.testing.assert_array_equal(result.image[pasted], expected)
        assert not result.image[~pasted].any()
        assert result.file_name == "own.jpg"
        corners.add((int(y), int(x)))
    assert {min(y for y, _ in corners), max(y for y, _ in corners)} == {0, 60 - 14}
    assert {min(x for _, x in corners), max(x for _, x in corners)} == {0, 80 - 9}


@pytest.mark.parametrize(("size", "factor"), [((60, 80), 2.0), ((120, 40), 1.0), ((30, 80), 0.5)])
def test_an_object_is_resized_as_its_whole_image_would_be(
    size: tuple[int, int], factor: float, registry: Registry
) -> None:
    cut_out = cut(letter(24, 20, 0), source_size=(60, 80))
    result = make(registry, cut_out, size=size, scale=[factor, factor])(
        blank(size), np.random.default_rng(0)
    )
    height, width = round(24 * factor * size[0] / 60), round(20 * factor * size[1] / 80)
    expected = resize_shape(cut_out.alpha, (height, width))
    np.testing.assert_array_equal(trimmed(result.mask), trimmed(expected))


def test_a_shrunken_object_is_averaged(registry: Registry) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    cut_out = replace(cut(box(32, 48, 0), source_size=(240, 320)), image=noise)
    result = make(registry, cut_out)(blank(), np.random.default_rng(0))
    y, x = np.argwhere(result.mask != 0).min(axis=0)
    means = noise.reshape(8, 4, 12, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(result.image[y : y + 8, x : x + 12], means, atol=0.51)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(16, 10, (16, 10)), (16, 12, (8, 6)), (4, 10, (4, 10)), (3, 12, (6, 24))],
)
def test_large_objects_shrink_and_small_ones_grow(
    height: int, width: int, expected: tuple[int, int], registry: Registry
) -> None:
    """Shares of 160, 192, 40 and 36 pixels of 4800; the limits are 160 and 40 pixels."""
    limits = {"large": 160 / 4800, "large_scale": 0.5, "small": 40 / 4800, "small_scale": 2.0}
    mix = make(registry, cut(box(height, width)), **limits)
    assert trimmed(mix(blank(), np.random.default_rng(0)).mask).shape == expected


def test_scales_are_drawn_between_the_limits(registry: Registry) -> None:
    mix = make(registry, cut(box(20, 20)), scale=[0.5, 1.5])
    sides = [trimmed(result.mask).shape[0] for result in results(mix, blank(), 200)]
    assert (min(sides), max(sides)) == (10, 30)


def test_flips_come_with_their_probabilities(registry: Registry) -> None:
    shape = trimmed(letter())
    mix = make(registry, cut(letter()), hflip=0.5, vflip=0.2)
    counts: Counter[tuple[bool, bool]] = Counter()
    for result in results(mix, blank(), 400):
        found = trimmed(result.mask)
        matches = [
            (h, v)
            for h in (False, True)
            for v in (False, True)
            if np.array_equal(found, shape[:: -1 if v else 1, :: -1 if h else 1])
        ]
        counts.update(matches)
        assert len(matches) == 1
    assert sum(n for (h, _), n in counts.items() if h) / 400 == pytest.approx(0.5, abs=0.1)
    assert sum(n for (_, v), n in counts.items() if v) / 400 == pytest.approx(0.2, abs=0.08)


def test_quarter_turns_are_exact_and_equally_likely(registry: Registry) -> None:
    cut_out = cut(letter(margin=0))
    mix = make(registry, cut_out, quarter_turns=True)
    counts: Counter[int] = Counter()
    for result in results(mix, blank(), 300):
        pasted = result.mask != 0
        y, x = np.argwhere(pasted).min(axis=0)
        for k in range(4):
            alpha, image = np.rot90(cut_out.alpha, k), np.rot90(cut_out.image, k)
            if np.array_equal(trimmed(pasted), trimmed(alpha)):
                height, width = alpha.shape
                part = result.image[y : y + height, x : x + width]
                np.testing.assert_array_equal(part[alpha != 0], image[alpha != 0])
                counts[k] += 1
    assert sum(counts.values()) == 300
    assert all(50 <= counts[k] <= 100 for k in range(4))


@pytest.mark.parametrize(
    "parameters", [{"rotate": 180.0}, {"grid_distortion": 1.0, "rotate": 45.0}]
)
def test_a_turned_or_distorted_object_is_whole_and_seen_once(
    parameters: dict[str, Any], registry: Registry
) -> None:
    """A cut-out that its object fills up to the border: a mirrored border would show."""
    mix = make(registry, cut(box(24, 16, 0)), **parameters)
    shapes = set()
    for result in results(mix, blank(), 60):
        n_regions, _ = cv2.connectedComponents(result.mask)
        assert n_regions == 2  # with the background
        # The cells of the grid change by up to 0.3.
        tolerance = 0.5 if "grid_distortion" in parameters else 0.06
        assert np.count_nonzero(result.mask) == pytest.approx(24 * 16, rel=tolerance)
        assert (result.image[result.mask != 0].min(axis=1) >= 128).all()
        shapes.add(trimmed(result.mask).shape)
    assert len(shapes) > 10


def test_grid_distortion_comes_with_its_probability(registry: Registry) -> None:
    mix = make(registry, cut(letter(28, 18)), grid_distortion=0.3)
    shape = trimmed(letter(28, 18))
    changed = [not np.array_equal(trimmed(r.mask), shape) for r in results(mix, blank(), 300)]
    assert np.mean(changed) == pytest.approx(0.3, abs=0.08)


def test_angles_are_drawn_up_to_the_limit(registry: Registry) -> None:
    mix = make(registry, cut(box(4, 40)), rotate=30.0)
    angles = []
    for result in results(mix, blank((80, 80)), 200):
        rows, columns = np.nonzero(result.mask)
        angles.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))
    assert -32 < min(angles) < -25
    assert 25 < max(angles) < 32
    assert np.mean(np.abs(angles)) == pytest.approx(15, abs=2)


def test_brightness_is_added_and_limited_to_white(registry: Registry) -> None:
    shape = box(8, 8)
    grey = replace(cut(shape), image=np.full((*shape.shape, 3), 200, np.uint8))
    changes = []
    for result in results(make(registry, grey, brightness=0.5), blank(), 200):
        (value,) = np.unique(result.image[result.mask != 0])
        changes.append(int(value) - 200)
    assert -128 <= min(changes) < -110
    assert max(changes) == 55
    assert np.mean(np.array(changes) < 0) == pytest.approx(0.5, abs=0.1)


def test_an_object_larger_than_the_image_is_cut(registry: Registry) -> None:
    mix = make(registry, cut(box(50, 70)), scale=[2.0, 2.0])
    corners = set()
    for result in results(mix, blank(), 10):
        assert (result.mask == 1).all()
        assert result.image.min() >= 128
        corners.add(tuple(result.image[0, 0].tolist()))
    assert len(corners) > 5  # any part of it


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 80),
    margin=st.integers(0, 3),
    scale=st.floats(0.05, 3.0),
    seed=st.integers(0, 1000),
    blend=st.sampled_from([0.0, 0.7, 5.0]),
)
@settings(max_examples=80, deadline=None)
def test_what_fits_is_never_cut_and_only_its_label_appears(
    height: int,
    width: int,
    margin: int,
    scale: float,
    seed: int,
    blend: float,
    registry: Registry,
) -> None:
    mix = make(
        registry,
        cut(box(height, width, margin), label=2),
        scale=[scale, scale],
        blend=blend,
        rotate=0.0,
        quarter_turns=True,
        hflip=0.5,
        vflip=0.5,
    )
    result = mix(blank((120, 120)), np.random.default_rng(seed))
    assert set(np.unique(result.mask).tolist()) <= {0, 2}
    assert result.image.shape == (120, 120, 3)
    if (result.mask == 2).any():
        sides = sorted(trimmed(result.mask).shape)
        # One sampling of the shape is off by less than a pixel at each end; the sample is twice as
        # high and 1.5 times as wide as the cut-out's image.
        for side, expected in zip(sides, sorted((height * 2, width * 1.5)), strict=True):
            assert abs(side - min(expected * scale, 120)) <= 2
