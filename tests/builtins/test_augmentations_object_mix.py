"""Object mix: which objects are pasted, where, how large, how turned, and with which edge."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit import ComponentSpec, Context, CutOut, Sample, UsageError
from toolkit.data.memory_bank import MemoryBank
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry
from toolkit.testing import examine

CLASSES = ("Background", "Paper", "Glass", "Battery", "Plastic bag")
PLAIN: dict[str, Any] = {
    "scale": [1.0, 1.0], "large": 1.0, "small": 0.0, "rotate": 0.0, "quarter_turns": False,
    "hflip": 0.0, "vflip": 0.0, "brightness": 0.0, "blend": 0.0,
}  # fmt: skip
SIZE = (60, 80)


def make(
    registry: Registry, *objects: CutOut, size: tuple[int, int] = SIZE, **parameters: Any
) -> Augmentation:
    """Object mix that only moves its objects, but for `parameters`."""
    context = Context(CLASSES, image_size=size, objects=lambda: MemoryBank(objects))
    spec = ComponentSpec(name="object_mix", **(PLAIN | parameters))
    return registry.build("augmentation", spec, context)


def blank(size: tuple[int, int] = SIZE, file_name: str = "own.jpg", label: int = 0) -> Sample:
    return Sample(np.zeros((*size, 3), np.uint8), np.full(size, label, np.uint8), file_name)


def cut(
    alpha: Any, label: int = 1, file_name: str = "other.jpg", source_size: tuple[int, int] = SIZE
) -> CutOut:
    """A cut-out of that shape; each pixel has its own colour, none is black."""
    alpha = 255 * np.asarray(alpha, np.uint8)
    height, width = alpha.shape
    image = np.full((height, width, 3), 128, np.uint8)
    image[..., 0] += np.arange(width, dtype=np.uint8) % 100
    image[..., 1] += np.arange(height, dtype=np.uint8)[:, None] % 100
    return CutOut(image, alpha, label, file_name, source_size)


def letter(height: int = 14, width: int = 9, margin: int = 2) -> NDArray[np.bool_]:
    """An F, which no turn and no mirroring leaves as it was."""
    shape = np.zeros((height, width), np.bool_)
    shape[:, :2] = shape[:2] = shape[6:8, :5] = True
    return np.pad(shape, margin)


def box(height: int, width: int, margin: int = 2) -> NDArray[np.bool_]:
    return np.pad(np.ones((height, width), np.bool_), margin)


def trimmed(pixels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the smallest part that holds all that is not 0."""
    rows, columns = np.nonzero(pixels.any(1))[0], np.nonzero(pixels.any(0))[0]
    return np.asarray(pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] != 0)


def results(augmentation: Augmentation, sample: Sample, n: int = 40) -> list[Sample]:
    return [augmentation(sample, np.random.default_rng(seed)) for seed in range(n)]


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
    rows = ((np.arange(height) + 0.5) * 24 / height).astype(int)
    columns = ((np.arange(width) + 0.5) * 20 / width).astype(int)
    expected = cut_out.alpha[np.ix_(rows, columns)]
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
    height: int, width: int, margin: int, scale: float, seed: int, blend: float,
    registry: Registry,
) -> None:  # fmt: skip
    mix = make(
        registry, cut(box(height, width, margin), label=2), scale=[scale, scale], blend=blend,
        rotate=0.0, quarter_turns=True, hflip=0.5, vflip=0.5,
    )  # fmt: skip
    result = mix(blank((120, 120)), np.random.default_rng(seed))
    assert set(np.unique(result.mask).tolist()) <= {0, 2}
    assert result.image.shape == (120, 120, 3)
    if (result.mask == 2).any():
        sides = sorted(trimmed(result.mask).shape)
        # One sampling of the shape is off by less than a pixel at each end; the sample is twice as
        # high and 1.5 times as wide as the cut-out's image.
        for side, expected in zip(sides, sorted((height * 2, width * 1.5)), strict=True):
            assert abs(side - min(expected * scale, 120)) <= 2


def numbered(n: int, label: int = 1, name: str = "{}.jpg") -> list[CutOut]:
    """Boxes of 3 x 3 pixels whose red value tells which one it is."""
    found = []
    for number in range(n):
        each = cut(box(3, 3, 0), label, name.format(number))
        found.append(replace(each, image=np.full((3, 3, 3), 100 + number, np.uint8)))
    return found


def test_an_image_never_gets_its_own_object(registry: Registry) -> None:
    mix = make(registry, *numbered(3))
    seen = set()
    for result in results(mix, blank(file_name="1.jpg")):
        seen |= set(result.image[..., 0][result.mask != 0].tolist())
    assert seen == {100, 102}


def test_another_class_takes_the_place_of_one_that_has_only_own_objects(
    registry: Registry,
) -> None:
    mix = make(registry, *numbered(3, 1, "own.jpg"), *numbered(2, 3))
    assert all(set(np.unique(r.mask).tolist()) == {0, 3} for r in results(mix, blank()))


def test_nothing_but_own_objects_leaves_the_sample(registry: Registry) -> None:
    sample = blank()
    mix = make(registry, *numbered(3, 1, "own.jpg"), objects=[2, 2])
    assert all(result is sample for result in results(mix, sample, 5))


def test_objects_in_one_image_differ(registry: Registry) -> None:
    mix = make(registry, *numbered(6), objects=[4, 4])
    for result in results(mix, blank((200, 200))):
        values, counts = np.unique(result.image[..., 0], return_counts=True)
        assert len(values) == 5  # with the background
        assert (
            counts[1:] <= 10 * 8
        ).all()  # none twice: 3 x 3 pixels of 60 x 80, here of 200 x 200


@pytest.mark.parametrize("limits", [(1, 3), (2, 2), (5, 9)])
def test_numbers_of_objects_are_drawn_up_to_what_there_is(
    limits: tuple[int, int], registry: Registry
) -> None:
    mix = make(registry, *numbered(6), objects=list(limits))
    counts = {len(np.unique(r.image[..., 0])) - 1 for r in results(mix, blank((300, 300)), 80)}
    assert counts == {min(n, 6) for n in range(limits[0], limits[1] + 1)}


@pytest.mark.parametrize(
    ("choose", "shares"),
    [("uniform", (1 / 3, 1 / 3, 1 / 3)), ("inverse", (1 / 9, 2 / 9, 6 / 9))],
)
def test_classes_are_chosen_alike_or_by_their_rarity(
    choose: str, shares: tuple[float, ...], registry: Registry
) -> None:
    """Twelve, six and two objects: 1/12 : 1/6 : 1/2 = 1 : 2 : 6."""
    objects = [*numbered(12, 1), *numbered(6, 2), *numbered(2, 3)]
    mix = make(registry, *objects, choose=choose)
    counts = Counter(int(result.mask.max()) for result in results(mix, blank(), 1200))
    for label, share in enumerate(shares, start=1):
        assert counts[label] / 1200 == pytest.approx(share, abs=0.06)


def test_objects_of_a_class_are_equally_likely(registry: Registry) -> None:
    mix = make(registry, *numbered(5))
    counts = Counter(int(result.image.max()) for result in results(mix, blank(), 1000))
    assert sorted(counts) == [100, 101, 102, 103, 104]
    assert all(140 <= count <= 260 for count in counts.values())


def test_images_are_skipped_above_the_share_of_a_class_alone(registry: Registry) -> None:
    """A sixth of 60 x 80 pixels is 800."""
    mix = make(registry, cut(letter()), skip_above={"Plastic bag": 1 / 6, "Glass": 1.0})
    at_limit = blank()
    at_limit.mask.ravel()[:800] = 4
    above = blank()
    above.mask.ravel()[:801] = 4
    assert all((result.mask == 1).any() for result in results(mix, at_limit, 10))
    assert all(result is above for result in results(mix, above, 10))
    assert all((result.mask == 1).any() for result in results(mix, blank(label=2), 10))


def test_a_soft_edge_changes_no_label_and_fades_out(registry: Registry) -> None:
    shape = box(20, 30, 8)
    red = replace(cut(shape), image=np.full((*shape.shape, 3), 200, np.uint8))
    hard, soft = make(registry, red), make(registry, red, blend=2.0)
    for seed in range(20):
        expected = hard(blank(), np.random.default_rng(seed))
        result = soft(blank(), np.random.default_rng(seed))
        np.testing.assert_array_equal(result.mask, expected.mask)
        weight = cv2.GaussianBlur((expected.mask != 0).astype(np.float32), (0, 0), 2.0)
        # Beyond three sigmas the soft edge is cut off: less than a grey level of 200.
        np.testing.assert_allclose(result.image[..., 0], 200 * weight, atol=1.5)


def test_a_soft_edge_shows_no_black_where_the_cut_out_ends(registry: Registry) -> None:
    """An object up to the border of its image, turned: beyond it there is nothing to show."""
    grey = replace(cut(box(20, 30, 0)), image=np.full((20, 30, 3), 150, np.uint8))
    sample = replace(blank(), image=np.full((*SIZE, 3), 150, np.uint8))
    for result in results(make(registry, grey, blend=2.0, rotate=45.0), sample, 20):
        assert np.abs(result.image.astype(int) - 150).max() <= 1


def test_a_seed_gives_one_result_and_a_pickled_copy_the_same(registry: Registry) -> None:
    cut_outs = [cut(letter(), label, f"{label}.jpg") for label in (1, 2, 3)]
    mix = make(
        registry, *cut_outs, objects=[1, 3], rotate=30.0, blend=1.0, brightness=0.2,
        quarter_turns=True, hflip=0.5, grid_distortion=0.5, skip_above={"Plastic bag": 0.5},
    )  # fmt: skip
    copy = pickle.loads(pickle.dumps(mix))
    made = results(mix, blank(), 10)
    for again in (results(mix, blank(), 10), results(copy, blank(), 10)):
        for first, second in zip(made, again, strict=True):
            np.testing.assert_array_equal(first.image, second.image)
            np.testing.assert_array_equal(first.mask, second.mask)
    assert all(not np.array_equal(a.image, b.image) for a, b in pairwise(made))


def test_the_bank_is_opened_once_and_views_of_a_file_are_enough(registry: Registry) -> None:
    opened, plain = [], cut(letter())
    stored = np.dstack([plain.image, plain.alpha])
    stored.flags.writeable = False
    cut_out = replace(plain, image=stored[..., :3], alpha=stored[..., 3])

    def objects() -> MemoryBank:
        opened.append(1)
        return MemoryBank((cut_out,))

    context = Context(CLASSES, image_size=SIZE, objects=objects)
    mix = registry.build("augmentation", ComponentSpec(name="songbae_mix"), context)
    same = make(registry, plain)
    exact = make(registry, cut_out)
    for first, second in zip(results(same, blank(), 5), results(exact, blank(), 5), strict=True):
        np.testing.assert_array_equal(first.image, second.image)
        np.testing.assert_array_equal(first.mask, second.mask)
    assert all((result.mask == 1).any() for result in results(mix, blank(), 5))
    assert opened == [1]


def test_a_shape_that_scaling_loses_is_not_pasted(registry: Registry) -> None:
    dot = np.zeros((9, 9), np.bool_)
    dot[3, 3] = True  # the rows and columns 1, 4 and 7 are kept
    for blend in (0.0, 1.0):
        mix = make(registry, cut(dot), scale=[0.3, 0.3], blend=blend)
        result = mix(blank(), np.random.default_rng(0))
        assert not result.mask.any()
        assert not result.image.any()


@pytest.mark.parametrize(
    ("parameters", "parameter", "hint"),
    [
        ({"skip_above": {"plastic bags": 0.2}}, "skip_above", "Plastic bag"),
        ({"objects": [3, 1]}, "objects", "[1, 3]"),
        ({"scale": [2.0, 1.0]}, "scale", "[1, 2]"),
        ({"small": 0.5, "large": 0.1}, "small", "0.1"),
    ],
)
def test_wrong_parameters_are_refused_with_the_nearest_valid(
    parameters: dict[str, Any], parameter: str, hint: str, registry: Registry
) -> None:
    with pytest.raises(UsageError) as caught:
        make(registry, cut(letter()), **parameters)
    assert caught.value.parameter.endswith(parameter)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "parameters",
    [
        {"scale": [0.0, 1.0]},
        {"scale": [1.0, 11.0]},
        {"rotate": 181.0},
        {"objects": [0, 1]},
        {"brightness": 1.1},
        {"blend": -1.0},
        {"choose": "rarest"},
        {"skip_above": {"Plastic bag": 1.5}},
        {"skip_above": {"Plastic bag": True}},
    ],
)
def test_values_out_of_range_are_refused(parameters: dict[str, Any], registry: Registry) -> None:
    with pytest.raises(UsageError):
        make(registry, cut(letter()), **parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"objects": [3, 5], "grid_distortion": 1.0},
        {"choose": "inverse", "scale": [5.0, 10.0], "blend": 20.0},
        {"scale": [0.01, 0.02], "rotate": 180.0},
        {"skip_above": {"Background": 0.5, "Glass": 0.0}},
    ],
)
def test_other_parameters_keep_the_contract_too(
    parameters: dict[str, Any], registry: Registry
) -> None:
    assert examine("augmentation", "object_mix", registry, parameters).findings == ()
