"""Random parts of a sample: which part, how large, and what is in it."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit import ComponentSpec, Context, Sample
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry


def make(
    registry: Registry, name: str, input_size: tuple[int, int], **parameters: object
) -> Augmentation:
    context = Context(("a", "b", "c", "d"), image_size=input_size)
    return registry.build("augmentation", ComponentSpec(name=name, **parameters), context)


def place_of(crop: Augmentation, height: int, width: int, seed: int) -> tuple[int, int, int, int]:
    """Return top, left, height, width of the part that a crop takes.

    Labels tell the row or the column they came from: a part is never smaller than it was, so none
    is lost. All are labels of objects.
    """
    rows = np.arange(1, height + 1, dtype=np.uint8)[:, None].repeat(width, axis=1)
    columns = np.arange(1, width + 1, dtype=np.uint8)[None].repeat(height, axis=0)
    found = []
    for mask in (rows, columns):
        sample = Sample(np.zeros((height, width, 3), np.uint8), np.ascontiguousarray(mask))
        labels = np.unique(crop(sample, np.random.default_rng(seed)).mask)
        assert labels[-1] - labels[0] + 1 == len(labels)
        found.append((int(labels[0]) - 1, len(labels)))
    (top, part_height), (left, part_width) = found
    return top, left, part_height, part_width


def test_a_sized_crop_has_every_side_and_every_place(registry: Registry) -> None:
    crop = make(registry, "random_sized_crop", (48, 48), min_size=30, max_size=32)
    places = [place_of(crop, 48, 48, seed) for seed in range(300)]
    assert all(height == width for _, _, height, width in places)
    assert {height for _, _, height, _ in places} == {30, 31, 32}
    for side in (30, 31, 32):
        starts = {(top, left) for top, left, height, _ in places if height == side}
        assert {top for top, _ in starts} == set(range(48 - side + 1))
        assert {left for _, left in starts} == set(range(48 - side + 1))


@pytest.mark.parametrize("name", ["random_sized_crop", "crop_non_empty"])
def test_a_part_has_the_proportions_of_the_input(name: str, registry: Registry) -> None:
    sides = {"size": 24} if name == "crop_non_empty" else {"min_size": 24, "max_size": 24}
    for input_size, part in (((48, 64), (24, 32)), ((64, 48), (32, 24))):
        crop = make(registry, name, input_size, **sides)
        assert place_of(crop, *input_size, 0)[2:] == part


@pytest.mark.parametrize(
    ("name", "parameters", "sides"),
    [
        ("random_sized_crop", {}, {150, 200}),
        ("random_sized_crop", {"min_size": 1.0, "max_size": 1.0}, {512}),
        ("random_sized_crop", {"min_size": 0.25, "max_size": 200}, {128, 200}),
    ],
)
def test_a_side_up_to_one_is_a_share_of_the_input(
    name: str, parameters: dict[str, float], sides: set[int], registry: Registry
) -> None:
    crop = make(registry, name, (512, 640), **parameters)
    rows = (np.arange(512) // 2).astype(np.uint8)[:, None].repeat(640, axis=1)
    sample = Sample(np.zeros((512, 640, 3), np.uint8), rows)
    found = [
        len(np.unique(crop(sample, np.random.default_rng(seed)).mask)) * 2 for seed in range(60)
    ]
    # Two rows share a label, so a side is known to about two pixels.
    assert min(found) == pytest.approx(min(sides), abs=3)
    assert max(found) == pytest.approx(max(sides), abs=3)


def test_the_part_is_resized_linearly_and_its_labels_by_nearest_pixel(registry: Registry) -> None:
    rng = np.random.default_rng(0)
    side, size = 25, 60
    image = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    mask = rng.integers(0, 4, (size, size), dtype=np.uint8)
    crop = make(registry, "random_sized_crop", (size, size), min_size=side, max_size=side)
    result = crop(Sample(image, mask), np.random.default_rng(5))
    draws = np.random.default_rng(5)
    draws.integers(side, side + 1)
    top, left = int(draws.integers(size - side + 1)), int(draws.integers(size - side + 1))
    part = image[top : top + side, left : left + side].astype(float)
    for y in range(size):
        for x in range(size):
            nearest = [int((at + 0.5) * side / size) for at in (y, x)]
            assert result.mask[y, x] == mask[top + nearest[0], left + nearest[1]]
            at_y, at_x = [min(max((at + 0.5) * side / size - 0.5, 0), side - 1) for at in (y, x)]
            y0, x0 = min(int(at_y), side - 2), min(int(at_x), side - 2)
            down, right = at_y - y0, at_x - x0
            upper = (1 - right) * part[y0, x0] + right * part[y0, x0 + 1]
            lower = (1 - right) * part[y0 + 1, x0] + right * part[y0 + 1, x0 + 1]
            expected = (1 - down) * upper + down * lower
            np.testing.assert_allclose(result.image[y, x], expected, atol=1)


def lonely(height: int, width: int, at: tuple[int, int], around: int) -> Sample:
    """A sample with one pixel of label 2."""
    mask = np.full((height, width), around, np.uint8)
    mask[at] = 2
    return Sample(np.zeros((height, width, 3), np.uint8), mask)


@pytest.mark.parametrize("around", [0, 255])
@pytest.mark.parametrize("at", [(0, 0), (47, 63), (20, 5)])
def test_a_non_empty_crop_finds_a_single_pixel(
    at: tuple[int, int], around: int, registry: Registry
) -> None:
    crop = make(registry, "crop_non_empty", (48, 64), size=12)
    sample = lonely(48, 64, at, around)
    for seed in range(60):
        assert (crop(sample, np.random.default_rng(seed)).mask == 2).any()


def test_the_pixel_may_lie_anywhere_in_a_non_empty_crop(registry: Registry) -> None:
    crop = make(registry, "crop_non_empty", (40, 40), size=8)
    sample = lonely(40, 40, (20, 20), 0)
    corners = set()
    for seed in range(1500):
        rows, columns = np.nonzero(crop(sample, np.random.default_rng(seed)).mask == 2)
        corners.add((rows[0] // 5, columns[0] // 5))
    assert corners == {(y, x) for y in range(8) for x in range(8)}


def test_every_foreground_pixel_is_equally_likely_to_be_met(registry: Registry) -> None:
    crop = make(registry, "crop_non_empty", (48, 48), size=10)
    mask = np.zeros((48, 48), np.uint8)
    mask[2:4, 2:5] = 1  # six pixels
    mask[40:42, 40:41] = 3  # two
    sample = Sample(np.zeros((48, 48, 3), np.uint8), mask)
    found = [crop(sample, np.random.default_rng(seed)).mask.max() for seed in range(600)]
    assert set(found) == {1, 3}
    assert np.mean([label == 1 for label in found]) == pytest.approx(0.75, abs=0.06)


@pytest.mark.parametrize("label", [0, 255])
def test_without_foreground_any_part_is_taken(label: int, registry: Registry) -> None:
    crop = make(registry, "crop_non_empty", (20, 20), size=17)
    image = np.arange(20, dtype=np.uint8)[:, None, None].repeat(20, 1).repeat(3, 2) * np.uint8(10)
    sample = Sample(image, np.full((20, 20), label, np.uint8))
    tops = {
        int(crop(sample, np.random.default_rng(seed)).image[0, 0, 0]) // 10 for seed in range(80)
    }
    assert tops == {0, 1, 2, 3}


def test_a_random_part_has_the_area_and_the_proportions_it_may_have(registry: Registry) -> None:
    rows, columns = np.mgrid[:100, :160].astype(np.uint8)
    crop = make(registry, "random_resized_crop", (100, 160), scale=[0.2, 0.6], ratio=[0.5, 2.0])
    sides, corners = [], []
    for seed in range(200):
        seen = [
            crop(Sample(np.zeros((100, 160, 3), np.uint8), mask), np.random.default_rng(seed)).mask
            for mask in (rows, columns)
        ]
        sides.append([len(np.unique(each)) for each in seen])
        corners.append([each.min() for each in seen])
    heights, widths = np.array(sides).T
    share = heights * widths / (100 * 160)
    assert 0.19 < share.min() < 0.25 < 0.5 < share.max() < 0.61
    ratio = widths / heights
    assert 0.45 < ratio.min() < 0.6 < 1.8 < ratio.max() < 2.1
    assert abs(np.log(ratio).mean()) < 0.15  # as often wide as high
    assert np.min(corners, axis=0).tolist() == [0, 0]


def test_a_part_that_cannot_fit_is_the_largest_in_the_middle(registry: Registry) -> None:
    rows, columns = np.mgrid[:20, :100].astype(np.uint8)
    crop = make(registry, "random_resized_crop", (20, 100), scale=[1.0, 1.0], ratio=[1.0, 1.0])
    for mask, (first, last) in ((rows, (0, 19)), (columns, (40, 59))):
        sample = Sample(np.zeros((20, 100, 3), np.uint8), mask)
        found = crop(sample, np.random.default_rng(0)).mask
        assert (found.min(), found.max()) == (first, last)
