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

from tests.builtins.object_mix_pieces import CLASSES, SIZE, blank, box, cut, letter, make, results
from toolkit import ComponentSpec, Context, CutOut, UsageError
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.registry import Registry
from toolkit.testing import examine


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
        registry,
        *cut_outs,
        objects=[1, 3],
        rotate=30.0,
        blend=1.0,
        brightness=0.2,
        quarter_turns=True,
        hflip=0.5,
        grid_distortion=0.5,
        skip_above={"Plastic bag": 0.5},
    )
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
        {"choose": "inverse", "scale": [5.0, 10.0], "blend": 0.0},
        {"place": "own", "rotate": 60.0, "grid_distortion": 0.3},
        {"scale": [0.01, 0.02], "rotate": 180.0},
        {"skip_above": {"Background": 0.5, "Glass": 0.0}},
    ],
)
def test_other_parameters_keep_the_contract_too(
    parameters: dict[str, Any], registry: Registry
) -> None:
    assert examine("augmentation", "object_mix", registry, parameters).findings == ()


def test_an_edge_that_hides_the_labels_breaks_the_contract(registry: Registry) -> None:
    """Labels stay hard: of a photo of 96 pixels a fifth then shows others than its mask has."""
    parameters = {"scale": [5.0, 10.0], "blend": 20.0}
    (found,) = examine("augmentation", "object_mix", registry, parameters).findings
    assert "the colour of another label" in found.message
