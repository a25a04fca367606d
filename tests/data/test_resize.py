"""One convention for the centres, whatever changes its size; against slow, obvious references."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.data.coco import read_coco
from toolkit.data.labels import make_label_map
from toolkit.data.masks import paint_mask
from toolkit.data.resize import (
    NEAREST_RULES,
    Sampling,
    random_places,
    resize_image,
    resize_labels,
    resize_shape,
    resize_tensor,
)
from toolkit.plugin.kinds import Nearest

Labels = NDArray[np.uint8]
IGNORE = 255
SIDES = st.integers(1, 14)
SIZES = st.tuples(SIDES, SIDES)


def by_area(labels: Labels, size: tuple[int, int]) -> Labels:
    """Divide every pixel into so many that each new one has whole ones, and count them."""
    height, width = labels.shape
    fine = labels.repeat(size[0], 0).repeat(size[1], 1)
    found = np.zeros(size, np.uint8)
    for row in range(size[0]):
        for column in range(size[1]):
            part = fine[row * height : (row + 1) * height, column * width : (column + 1) * width]
            counts = np.bincount(part.ravel(), minlength=256)
            found[row, column] = max(range(256), key=lambda label: (counts[label], label))
    return found


def by_distance(labels: Labels, size: tuple[int, int]) -> Labels:
    """Take the pixel whose centre is nearest along each axis; of ties the larger label."""
    found = np.zeros(size, np.uint8)

    def nearest(new: int, side: int, old: int) -> list[int]:
        twice = [abs((2 * new + 1) * old - (2 * place + 1) * side) for place in range(old)]
        return [place for place in range(old) if twice[place] == min(twice)]

    for row in range(size[0]):
        for column in range(size[1]):
            rows = nearest(row, size[0], labels.shape[0])
            columns = nearest(column, size[1], labels.shape[1])
            found[row, column] = max(labels[y, x] for y in rows for x in columns)
    return found


def some_labels(seed: int, size: tuple[int, int]) -> Labels:
    return np.random.default_rng(seed).choice(np.array([0, 1, 7, IGNORE], np.uint8), size)


@settings(deadline=None, max_examples=80)
@given(old=SIZES, new=SIZES, seed=st.integers(0, 1000))
def test_labels_are_those_of_the_slow_reference(
    old: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    labels = some_labels(seed, old)
    grows = new[0] >= old[0] and new[1] >= old[1]
    expected = (by_distance if grows else by_area)(labels, new)
    np.testing.assert_array_equal(resize_labels(labels, new), expected)


@settings(deadline=None, max_examples=60)
@given(old=SIZES, new=SIZES, seed=st.integers(0, 1000))
@example(old=(14, 12), new=(13, 10), seed=0)
def test_a_shape_that_shrinks_is_the_labels_of_one_object(
    old: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    new = min(old[0], new[0]), min(old[1], new[1])
    alpha = np.random.default_rng(seed).choice(np.array([0, 255], np.uint8), old)
    np.testing.assert_array_equal(resize_shape(alpha, new), by_area(alpha, new))


@settings(deadline=None, max_examples=100)
@given(old=SIZES, new=SIZES, seed=st.integers(0, 1000))
def test_it_does_not_matter_what_is_left_and_what_is_right(
    old: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    labels = some_labels(seed, old)
    expected = resize_labels(labels, new)
    for axis in (0, 1):
        turned = np.ascontiguousarray(np.flip(labels, axis))
        np.testing.assert_array_equal(np.flip(resize_labels(turned, new), axis), expected)
    np.testing.assert_array_equal(resize_labels(labels.T.copy(), new[::-1]).T, expected)


def centre(weights: NDArray[np.floating] | Labels) -> NDArray[np.float64]:
    """Return the centre of mass as (row, column), shares of height and width."""
    rows, columns = np.indices(weights.shape) + 0.5
    mass = np.array([(rows * weights).sum(), (columns * weights).sum()]) / weights.sum()
    return mass / weights.shape


@st.composite
def boxes(draw: st.DrawFn) -> tuple[tuple[int, int], tuple[slice, slice], tuple[int, int]]:
    """A size, a box in it away from its frame, and another size where it has some pixels."""
    old, new, box = [], [], []
    for _ in range(2):
        length = draw(st.integers(24, 120))
        start = draw(st.integers(length // 6, length // 3))
        end = draw(st.integers(length // 2, length * 5 // 6))
        old.append(length)
        box.append(slice(start, end))
        new.append(draw(st.integers(12, 160)))
    return (old[0], old[1]), (box[0], box[1]), (new[0], new[1])


@settings(deadline=None, max_examples=80)
@given(boxes())
def test_a_box_has_one_place_in_image_mask_and_shape(
    case: tuple[tuple[int, int], tuple[slice, slice], tuple[int, int]],
) -> None:
    old, box, new = case
    mask = np.zeros(old, np.uint8)
    mask[box] = 1
    before = centre(mask)
    # 8 bits, and where a side grows each old pixel is hit by a new centre more or less often.
    tolerance = 0.15 / np.array(new)
    image = resize_image(np.repeat(mask[..., None] * np.uint8(255), 3, axis=2), new)
    assert (np.abs(centre(image[..., 1].astype(float)) - before) < tolerance).all()
    # An edge of a mask is at an edge of a pixel: half a pixel at most on either side.
    for found in (resize_labels(mask, new), resize_shape(mask * np.uint8(255), new)):
        assert (np.abs(centre(found) - before) <= 0.51 / np.array(new)).all()
        for axis, (side, part) in enumerate(zip(new, box, strict=True)):
            # Both edges lie in the same way on the new pixels: what one gains the other does.
            ends = {edge * side % old[axis] * 2 for edge in (part.start, part.stop)}
            if ends in ({0}, {old[axis]}):
                assert abs(centre(found)[axis] - before[axis]) * side < 1e-6


@pytest.mark.parametrize("old", [512, 300])
@pytest.mark.parametrize("new", [(64, 96), (224, 224), (256, 150), (600, 80)])
def test_masks_lie_over_their_photos_on_average(old: int, new: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    offsets = []
    for _ in range(15):
        side = int(rng.integers(old // 8, old // 4))
        top, left = rng.integers(8, old - side - 8, 2)
        mask = np.zeros((old, old), np.uint8)
        mask[top : top + side, left : left + side] = 1
        small = resize_labels(mask, new)
        offsets.append((centre(small) - centre(resize_image(mask * np.uint8(255), new))) * new)
    spread = np.std(offsets, axis=0) / np.sqrt(len(offsets))
    assert (np.abs(np.mean(offsets, axis=0)) < 4 * spread + 0.01).all()


@settings(deadline=None, max_examples=60)
@given(old=SIZES, new=SIZES, seed=st.integers(0, 1000))
def test_tensors_are_resized_about_the_same_centres(
    old: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    maps = np.random.default_rng(seed).random((2, *old), dtype=np.float32)
    found = resize_tensor(torch.from_numpy(maps)[None], new)[0].numpy()
    for plane, each in zip(found, maps, strict=True):
        expected = cv2.resize(each, new[::-1], interpolation=cv2.INTER_LINEAR)
        np.testing.assert_allclose(plane, expected, atol=1e-4)


@pytest.mark.parametrize("new", [(3, 4), (7, 5), (12, 9), (6, 20)])
def test_random_places_have_the_average_of_the_area(new: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    values = rng.random((6, 8))
    n_draws = 3000
    found = sum(values.take(random_places((6, 8), new, rng)) for _ in range(n_draws)) / n_draws
    fine = values.repeat(new[0], 0).repeat(new[1], 1)
    expected = fine.reshape(new[0], 6, new[1], 8).mean((1, 3))
    # Four standard deviations of a mean of 3,000 numbers from 0 to 1 are at most .037.
    assert np.abs(found - expected).max() < 0.037


def test_one_side_may_grow_while_the_other_shrinks() -> None:
    """INTER_AREA alone takes single columns then: this box came out a quarter of a pixel aside."""
    image = np.zeros((300, 2000), np.uint8)
    image[100:180, 701:903] = 255
    found = resize_image(image, (512, 512))
    np.testing.assert_allclose(centre(found.astype(float)), centre(image), atol=0.03 / 512)


@pytest.mark.parametrize("label", [1, IGNORE])
def test_of_equal_parts_the_object_and_then_doubt_win(label: int) -> None:
    mask = np.zeros((4, 8), np.uint8)
    mask[:, ::2] = label
    assert (resize_labels(mask, (2, 4)) == label).all()
    mask[mask == 0] = 3
    assert (resize_labels(mask, (2, 4)) == max(label, 3)).all()


def test_no_label_is_invented_and_equal_sizes_are_left_alone() -> None:
    labels = some_labels(0, (40, 30))
    assert resize_labels(labels, (40, 30)) is labels
    for size in ((7, 9), (90, 100), (20, 60)):
        assert set(np.unique(resize_labels(labels, size))) <= {0, 1, 7, IGNORE}


@pytest.mark.parametrize("nearest", NEAREST_RULES)
@settings(deadline=None, max_examples=60)
@given(old=SIZES, new=SIZES, seed=st.integers(0, 1000))
def test_a_file_has_single_pixels_and_they_go_back_to_their_places(
    nearest: Nearest, old: tuple[int, int], new: tuple[int, int], seed: int
) -> None:
    labels = some_labels(seed, old)
    sampling = Sampling(new, nearest)
    rows, columns = sampling.places(old)
    found = sampling(labels)
    np.testing.assert_array_equal(found, labels[rows[:, None], columns])
    restored = sampling.restore(found, old)
    for row in range(old[0]):
        for column in range(old[1]):
            near = [
                [i for i, at in enumerate(places) if abs(at - place) == min(abs(places - place))]
                for place, places in ((row, rows), (column, columns))
            ]
            candidates = [found[i, j] for i in near[0] for j in near[1]]
            assert restored[row, column] == (found[row, column] if old == new else max(candidates))


def test_the_rules_of_nearest_neighbour() -> None:
    labels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    np.testing.assert_array_equal(Sampling((4, 4), "corner")(labels), labels[::2, ::2])
    np.testing.assert_array_equal(Sampling((4, 4), "centre")(labels), labels[1::2, 1::2])
    pillow = pytest.importorskip("PIL.Image")
    for size in ((3, 5), (5, 7), (8, 4), (20, 11)):
        expected = pillow.fromarray(labels).resize(size[::-1], pillow.Resampling.NEAREST)
        np.testing.assert_array_equal(Sampling(size, "centre")(labels), np.asarray(expected))
        tensor = torch.from_numpy(labels.astype(np.float32))[None, None]
        expected = torch.nn.functional.interpolate(tensor, size, mode="nearest")[0, 0].numpy()
        np.testing.assert_array_equal(Sampling(size, "corner")(labels), expected)


@pytest.mark.parametrize(("name", "side"), [("bags", 96), ("taco", 128)])
def test_what_a_network_can_reach_on_real_masks(
    taco_root: Path, bags_root: Path, name: str, side: int
) -> None:
    """True mask -> size of the network -> bilinearly back, as IoU of the objects."""
    path = taco_root.parent / name / "val.json"
    coco = read_coco(path)
    labels = make_label_map(coco.categories, None, "Background")
    both = {"area": np.zeros(2), "corner": np.zeros(2), "centre": np.zeros(2)}
    for record in coco.images[:8]:
        mask = paint_mask(record, labels, "max-id", IGNORE)
        small = {rule: Sampling((side, side), rule)(mask) for rule in NEAREST_RULES}
        for rule, each in {**small, "area": resize_labels(mask, (side, side))}.items():
            shown = torch.from_numpy((each > 0).astype(np.float32))[None, None]
            back = resize_tensor(shown, (record.height, record.width))[0, 0].numpy() > 0.5
            both[rule] += ((mask > 0) & back).sum(), ((mask > 0) | back).sum()
    reached = {rule: intersection / union for rule, (intersection, union) in both.items()}
    assert reached["area"] > reached["centre"] > reached["corner"] + 0.01, reached


OWN_REASONS = {
    "toolkit/data/resize.py",
    # A small grey picture whose frequencies are the hash of a photo; no mask goes along.
    "toolkit/data/perceptual_hash.py",
    # Textures of the synthetic contest, and a mask enlarged by a whole number for its outline.
    "toolkit/demo/annotations.py",
    "toolkit/demo/brush.py",
    "toolkit/demo/ground.py",
    "toolkit/demo/scene.py",
    # A field of displacements, which moves image and mask alike.
    "toolkit/builtins/augmentations/elastic.py",
    # Inside networks, as their authors did it; and a view, which resizes images on the device.
    "toolkit/builtins/models/resizing.py",
    "toolkit/builtins/views.py",
    "toolkit/testing/kinds/view.py",
}


def test_nothing_else_changes_the_size_of_anything() -> None:
    """A place that resizes on its own is where the centres went apart before."""
    root = Path(__file__).parents[2]
    marks = ("cv2.resize(", "interpolate(", "RandomResizedCrop(", "A.Resize(", "pyrDown(")
    found = {
        file.relative_to(root).as_posix()
        for folder in ("toolkit", "plugins")
        for file in (root / folder).rglob("*.py")
        if any(mark in file.read_text(encoding="utf-8") for mark in marks)
    }
    assert found == OWN_REASONS
