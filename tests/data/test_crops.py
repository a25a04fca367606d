from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.data.crops import (
    TRIES,
    Cropping,
    ImageWindows,
    MaskWindows,
    Window,
    cover,
)
from toolkit.recipe.training_images import NativeCrops

IGNORED = 255
SIDES = st.integers(1, 40)


def _coordinates(height: int, width: int) -> NDArray[np.uint8]:
    """An image whose pixels say where they are."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows * 0 + 7], axis=-1).astype(np.uint8)


def _cropping(
    mask: NDArray[np.uint8], size: tuple[int, int] = (8, 8), n_labels: int = 4, **rule: Any
) -> Cropping:
    values = {"scale": (1.0, 1.0), "class_cap": 1.0, "foreground": 0.0, **rule}
    holds = np.array([[label in mask for label in range(n_labels)]])
    return Cropping(NativeCrops(**values), size, IGNORED, holds)


@given(height=SIDES, width=SIDES, size=st.tuples(SIDES, SIDES))
def test_windows_hold_every_pixel_once_and_reflect_what_lies_beyond(
    height: int, width: int, size: tuple[int, int]
) -> None:
    image = _coordinates(height, width)
    mask = np.random.default_rng(0).integers(0, 4, (height, width)).astype(np.uint8)
    windows = cover([(3, 5), (height, width)], size)
    images = ImageWindows([np.zeros((3, 5, 3), np.uint8), image], windows)  # type: ignore[arg-type]
    masks = MaskWindows([np.zeros((3, 5), np.uint8), mask], windows, IGNORED)  # type: ignore[arg-type]
    counted = np.zeros((height, width), int)
    labels = np.full((height, width), IGNORED)
    # Far enough beyond the image on all sides.
    around = 80
    reflected = np.pad(image, ((around, around), (around, around), (0, 0)), mode="reflect")
    for index, place in enumerate(windows):
        part, truth = images[index], masks[index]
        assert part.shape == (*size, 3)
        assert truth.shape == size
        if place.row == 0:
            continue
        top, left = place.window.top + around, place.window.left + around
        np.testing.assert_array_equal(part, reflected[top : top + size[0], left : left + size[1]])
        for row, column in np.argwhere(truth != IGNORED):
            y, x = part[row, column, :2]
            counted[y, x] += 1
            labels[y, x] = truth[row, column]
    assert (counted == 1).all()
    np.testing.assert_array_equal(labels, mask)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 9])
def test_beyond_the_edge_photos_of_any_channels_are_reflected(channels: int) -> None:
    image = np.random.default_rng(channels).integers(0, 256, (9, 7, channels), dtype=np.uint8)
    part = Window(top=-3, left=-2, height=15, width=11).cut_image(image)
    expected = np.pad(image, ((3, 3), (2, 2), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(part, expected)


@given(height=SIDES, width=SIDES, seed=st.integers(0, 99))
def test_a_crop_at_scale_1_holds_the_pixels_as_they_are(height: int, width: int, seed: int) -> None:
    image, mask = _coordinates(height, width), np.ones((height, width), np.uint8)
    part, labels = _cropping(mask)(image, mask, 0, np.random.default_rng(seed))
    assert part.shape == (8, 8, 3)
    inside = labels != IGNORED
    assert inside.sum() == min(height, 8) * min(width, 8)
    rows, columns = part[inside][:, 0], part[inside][:, 1]
    assert len({*zip(rows.tolist(), columns.tolist(), strict=True)}) == inside.sum()
    assert part.flags.writeable
    assert labels.flags.writeable


def test_crops_lie_anywhere_inside_alike() -> None:
    mask = np.zeros((12, 10), np.uint8)
    cropping = _cropping(mask)
    rng = np.random.default_rng(0)
    corners = Counter()
    for _ in range(3000):
        window = cropping.draw(mask, 0, rng)
        corners[window.top, window.left] += 1
    assert sorted(corners) == [(top, left) for top in range(5) for left in range(3)]
    assert min(corners.values()) > 140  # 200 on average


def test_the_scale_is_drawn_evenly_and_says_how_much_of_the_photo_is_read() -> None:
    mask = np.zeros((100, 100), np.uint8)
    cropping = _cropping(mask, scale=(0.5, 2.0))
    rng = np.random.default_rng(0)
    sides = np.array([cropping.draw(mask, 0, rng).height for _ in range(4000)])
    assert (sides.min(), sides.max()) == (4, 16)
    factors = 8 / sides
    assert factors.mean() == pytest.approx(1.25, abs=0.03)
    part, labels = cropping(_coordinates(100, 100), mask, 0, rng)
    assert (part.shape, labels.shape) == ((8, 8, 3), (8, 8))


def _slow_window(
    mask: NDArray[np.uint8], size: tuple[int, int], rule: NativeCrops, rng: np.random.Generator
) -> Window:
    """What the docstring says, pixel by pixel, for a mask larger than the part."""
    factor = rng.uniform(*rule.scale)
    height, width = (max(1, round(side / factor)) for side in size)
    pixels = []
    if rng.random() < rule.foreground:
        classes = sorted({int(label) for label in mask.ravel()} - {0, IGNORED})
        if classes:
            label = classes[rng.integers(len(classes))]
            pixels = [
                (row, column)
                for row in range(mask.shape[0])
                for column in range(mask.shape[1])
                if mask[row, column] == label
            ]
    for _ in range(TRIES):
        if pixels:
            row, column = pixels[rng.integers(len(pixels))]
            top = sorted((0, row - height // 2, mask.shape[0] - height))[1]
            left = sorted((0, column - width // 2, mask.shape[1] - width))[1]
        else:
            top = int(rng.integers(mask.shape[0] - height + 1))
            left = int(rng.integers(mask.shape[1] - width + 1))
        counts = Counter(
            int(label)
            for label in mask[top : top + height, left : left + width].ravel()
            if label != IGNORED
        )
        if counts and max(counts.values()) / counts.total() <= rule.class_cap:
            break
    return Window(top, left, height, width)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    cap=st.floats(0.3, 1.0),
    foreground=st.sampled_from([0.0, 0.33, 1.0]),
)
def test_the_part_is_the_one_that_a_slow_search_finds(
    seed: int, cap: float, foreground: float
) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((24, 30), np.uint8)
    for label in (1, 3, IGNORED):
        if rng.random() < 0.8:
            top, left = rng.integers(0, 20, 2)
            mask[top : top + rng.integers(1, 12), left : left + rng.integers(1, 12)] = label
    cropping = _cropping(mask, scale=(0.7, 2.0), class_cap=cap, foreground=foreground)
    found = cropping.draw(mask, 0, np.random.default_rng(seed))
    assert found == _slow_window(mask, (8, 8), cropping.rule, np.random.default_rng(seed))


def test_a_share_of_the_crops_shows_a_class_of_the_photo_each_class_alike() -> None:
    mask = np.zeros((200, 200), np.uint8)
    mask[3, 3] = 1  # at the corner, where the part cannot be around it
    mask[90:130, 90:130] = 2
    cropping = _cropping(mask, foreground=0.5)
    rng = np.random.default_rng(0)
    shown = Counter()
    for _ in range(2000):
        window = cropping.draw(mask, 0, rng)
        shown.update(set(np.unique(window.cut_mask(mask, IGNORED)).tolist()))
    assert shown[1] / 2000 == pytest.approx(0.25, abs=0.03)
    assert shown[2] / 2000 == pytest.approx(0.25 + 0.5 * 0.06, abs=0.04)


def test_the_cap_makes_parts_of_one_class_rare() -> None:
    mask = np.zeros((60, 60), np.uint8)
    mask[:, :6] = 1
    rng = np.random.default_rng(0)

    def share_of_plain_parts(cap: float) -> float:
        cropping = _cropping(mask, class_cap=cap)
        parts = [cropping.draw(mask, 0, rng).cut_mask(mask, IGNORED) for _ in range(1000)]
        return float(np.mean([len(np.unique(part)) == 1 for part in parts]))

    # 5 of 53 places show both classes by a quarter or more: (48 / 53)^10 = .37 find none of them.
    assert share_of_plain_parts(1.0) > 0.85
    assert share_of_plain_parts(0.75) < 0.5


def test_a_photo_without_a_class_or_a_label_is_cropped_all_the_same() -> None:
    for label in (0, IGNORED):
        mask = np.full((20, 20), label, np.uint8)
        cropping = _cropping(mask, class_cap=0.5, foreground=1.0)
        part, labels = cropping(_coordinates(20, 20), mask, 0, np.random.default_rng(0))
        assert part.shape == (8, 8, 3)
        assert (labels == label).all()
