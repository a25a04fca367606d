"""Copy-paste: which objects are pasted, where, how large, and with which edge."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit import Context, Sample
from toolkit.builtins.mixes import copy_paste
from toolkit.builtins.mixes.objects import CopyPaste
from toolkit.plugin.interfaces import Mix

MASKS = arrays.arrays(
    np.uint8, (12, 16), elements=st.sampled_from([0, 0, 1, 2, 3, 255]), fill=st.nothing()
)


def apply_mix(mix: Mix, sample: Sample, partner: Sample, seed: int = 0) -> Sample:
    return mix(sample, partner, np.random.default_rng(seed), np.random.default_rng([0, 1]))


def of_mask(mask: np.ndarray, lowest: int) -> Sample:
    """A sample of that mask; each pixel has its own colour, none below `lowest`."""
    height, width = mask.shape
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = lowest + np.arange(width) % 100
    image[..., 1] = lowest + np.arange(height)[:, None] % 100
    image[..., 2] = lowest
    return Sample(image, mask, f"{lowest}.jpg")


def box_of(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, height, width of a filled box of true pixels."""
    rows, columns = np.nonzero(pixels.any(1))[0], np.nonzero(pixels.any(0))[0]
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    assert pixels[top:bottom, left:right].all()
    assert pixels.sum() == (bottom - top) * (right - left)
    return int(top), int(left), int(bottom - top), int(right - left)


def slow_regions(mask: np.ndarray, labels: tuple[int, ...], min_area: int) -> list[frozenset]:
    """Return the pixels of every region, found by spreading from pixel to pixel."""
    seen, found = set(), []
    for start in np.ndindex(mask.shape):
        if start in seen or mask[start] not in labels:
            continue
        region, todo = set(), deque([start])
        while todo:
            y, x = todo.popleft()
            if not (0 <= y < mask.shape[0] and 0 <= x < mask.shape[1]):
                continue
            if (y, x) in region or mask[y, x] != mask[start]:
                continue
            region.add((y, x))
            todo.extend((y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
        seen |= region
        if len(region) >= min_area:
            found.append(frozenset(region))
    return found


def plain(**changes: object) -> CopyPaste:
    """Copy-paste that only moves objects."""
    values = {
        "labels": (1, 2, 3),
        "max_objects": 5,
        "scale": (1.0, 1.0),
        "flip": 0.0,
        "min_area": 1,
        "blend": 0.0,
        **changes,
    }
    return CopyPaste(**values)


@given(mask=MASKS, min_area=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_objects_are_the_connected_regions_of_a_label(mask: np.ndarray, min_area: int) -> None:
    found = plain(min_area=min_area).regions(mask)
    pixels = []
    for region in found:
        rows, columns = np.nonzero(region.pixels)
        rows, columns = rows + region.box[0].start, columns + region.box[1].start
        assert set(mask[rows, columns]) == {region.label}
        pixels.append(frozenset(zip(rows.tolist(), columns.tolist(), strict=True)))
    expected = slow_regions(mask, (1, 2, 3), min_area)
    assert sorted(map(sorted, pixels)) == sorted(map(sorted, expected))


def test_regions_that_touch_at_a_corner_are_one_object() -> None:
    mask = np.zeros((6, 6), np.uint8)
    mask[1:3, 1:3] = mask[3:5, 3:5] = 2
    assert len(plain().regions(mask)) == 1


def shape_of(places: np.ndarray, labels: np.ndarray, colours: np.ndarray) -> list[tuple]:
    """Return (row, column, label, colour) of every pixel, from the first one on."""
    origin = places.min(axis=0)
    rows = zip((places - origin).tolist(), labels.tolist(), colours.tolist(), strict=True)
    return sorted((tuple(place), label, tuple(colour)) for place, label, colour in rows)


def test_objects_are_moved_with_their_labels_and_pixels() -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[3:9, 4:12], mask[5:7, 6:8] = 2, 0  # a ring
    mask[3:9, 20:24] = 1
    sample, partner = of_mask(np.full((40, 50), 3, np.uint8), 0), of_mask(mask, 128)
    rings, tops = set(), set()
    for seed in range(250):
        result = apply_mix(plain(max_objects=1), sample, partner, seed)
        pasted = result.image[..., 2] >= 128
        np.testing.assert_array_equal(pasted, result.mask != 3)
        np.testing.assert_array_equal(result.image[~pasted], sample.image[~pasted])
        (label,) = np.unique(result.mask[pasted])
        original = np.argwhere(mask == label)
        places = np.argwhere(pasted)
        assert shape_of(places, result.mask[pasted], result.image[pasted]) == shape_of(
            original, mask[mask == label], partner.image[mask == label]
        )
        rings.add(int(label))
        tops.add(int(places[:, 0].min()))
    assert rings == {1, 2}
    assert (min(tops), max(tops)) == (0, 34)


def test_objects_that_are_pasted_together_keep_their_places_to_each_other() -> None:
    mask = np.zeros((30, 30), np.uint8)
    mask[2:5, 2:5], mask[2:5, 12:15], mask[10:14, 2:5] = 1, 2, 3
    sample, partner = of_mask(np.zeros((30, 30), np.uint8), 0), of_mask(mask, 128)
    numbers = set()
    for seed in range(60):
        labels = apply_mix(plain(), sample, partner, seed).mask
        present = [label for label in (1, 2, 3) if (labels == label).any()]
        numbers.add(len(present))
        now = {label: np.argwhere(labels == label) for label in present}
        shifts = {tuple(now[k].min(0) - np.argwhere(mask == k).min(0)) for k in present}
        assert len(shifts) == 1
        assert all(len(now[label]) == (mask == label).sum() for label in present)
    assert numbers == {1, 2, 3}


def test_no_more_objects_than_allowed_are_pasted() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[::4, ::4] = 1
    sample, partner = of_mask(np.zeros((20, 20), np.uint8), 0), of_mask(mask, 128)
    counts = {
        int((apply_mix(plain(max_objects=3), sample, partner, seed).mask == 1).sum())
        for seed in range(60)
    }
    assert counts == {1, 2, 3}


def test_flipped_objects_are_mirrored_left_and_right() -> None:
    mask = np.zeros((20, 20), np.uint8)
    mask[4:10, 4], mask[9, 4:8] = 1, 1  # an L
    sample, partner = of_mask(np.zeros((20, 20), np.uint8), 0), of_mask(mask, 128)
    normal, mirrored = shapes(mask), shapes(mask[:, ::-1])
    always = {shapes(apply_mix(plain(flip=1.0), sample, partner, s).mask) for s in range(10)}
    assert always == {mirrored}
    found = [shapes(apply_mix(plain(flip=0.3), sample, partner, seed).mask) for seed in range(300)]
    assert set(found) == {normal, mirrored}
    assert found.count(mirrored) / 300 == pytest.approx(0.3, abs=0.08)


def shapes(mask: np.ndarray) -> frozenset[tuple[int, int]]:
    places = np.argwhere(mask == 1)
    return frozenset(map(tuple, (places - places.min(axis=0)).tolist()))


@pytest.mark.parametrize("factor", [0.5, 2.0, 3.0])
def test_scaled_objects_have_the_factor_in_both_directions(factor: float) -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[20:28, 20:32] = 1
    sample, partner = of_mask(np.zeros((60, 60), np.uint8), 0), of_mask(mask, 128)
    result = apply_mix(plain(scale=(factor, factor)), sample, partner)
    assert box_of(result.mask == 1)[2:] == (8 * factor, 12 * factor)


def test_scales_are_drawn_between_the_limits() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[10:30, 10:30] = 1
    sample, partner = of_mask(np.zeros((60, 60), np.uint8), 0), of_mask(mask, 128)
    sides = [
        np.sqrt((apply_mix(plain(scale=(0.5, 1.5)), sample, partner, seed).mask == 1).sum())
        for seed in range(100)
    ]
    assert 10 <= min(sides) <= 11
    assert 29 <= max(sides) <= 30


def test_an_object_larger_than_the_image_fills_it() -> None:
    sample = of_mask(np.zeros((12, 16), np.uint8), 0)
    partner = of_mask(np.ones((12, 16), np.uint8), 128)
    result = apply_mix(plain(scale=(2.0, 2.0)), sample, partner)
    assert (result.mask == 1).all()
    assert (result.image[..., 2] == 128).all()


def test_a_soft_edge_weighs_the_object_by_its_smoothed_shape() -> None:
    """Against plain loops: a Gaussian of the shape, at any place of the object."""
    size, sigma = 40, 1.5
    mask = np.zeros((size, size), np.uint8)
    mask[15:24, 12:26] = 2
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    sample = Sample(images[0], np.full((size, size), 1, np.uint8))
    partner = Sample(images[1], mask)
    result = apply_mix(plain(blend=sigma), sample, partner, seed=4)
    top, left, height, width = box_of(result.mask == 2)
    assert (height, width) == (9, 14)
    reach = int(np.ceil(3 * sigma))
    assert reach <= top <= size - height - reach  # so that nothing is cut off
    assert reach <= left <= size - width - reach
    shape = (result.mask == 2).astype(float)
    weights = np.exp(-(np.arange(-12, 13) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    for y in range(size):
        for x in range(size):
            weight = sum(
                weights[dy + 12] * weights[dx + 12] * shape[y + dy, x + dx]
                for dy in range(-12, 13)
                for dx in range(-12, 13)
                if 0 <= y + dy < size and 0 <= x + dx < size
            )
            there = 15 + y - top, 12 + x - left
            if weight < 1e-3:
                near = np.abs(result.image[y, x].astype(int) - images[0, y, x]).max()
                assert near <= 1
                continue
            expected = weight * images[1][there] + (1 - weight) * images[0, y, x].astype(float)
            # OpenCV cuts the Gaussian off earlier.
            np.testing.assert_allclose(result.image[y, x], expected, atol=4)


def test_only_objects_of_the_classes_named_are_pasted() -> None:
    rng = np.random.default_rng(0)
    sample = of_mask(np.zeros((12, 16), np.uint8), 0)
    partner = of_mask(rng.integers(0, 4, (12, 16), dtype=np.uint8), 128)
    names = Context(("Background", "Paper", "Glass", "Metal"), image_size=(12, 16))
    mix = copy_paste(names, classes=["Metal", "Paper"], min_area=1)
    labels = {int(k) for s in range(40) for k in np.unique(apply_mix(mix, sample, partner, s).mask)}
    assert labels == {0, 1, 3}


@given(own=MASKS, other=MASKS, seed=st.integers(0, 1000), blend=st.sampled_from([0.0, 0.7, 3.0]))
@settings(max_examples=60, deadline=None)
def test_copy_paste_changes_labels_only_to_those_of_objects(
    own: np.ndarray, other: np.ndarray, seed: int, blend: float
) -> None:
    mix = plain(scale=(0.3, 3.0), flip=0.5, blend=blend)
    result = apply_mix(mix, of_mask(own, 0), of_mask(other, 128), seed)
    changed = result.mask != own
    assert set(result.mask[changed].tolist()) <= set(other[(other > 0) & (other < 4)].tolist())
