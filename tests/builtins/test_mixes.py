"""CutMix, MixUp, ClassMix and copy-paste: what comes from the partner, and with which label."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from toolkit import ComponentSpec, Context, Sample, UsageError
from toolkit.builtins.mixes import trash_mixes
from toolkit.plugin.interfaces import Mix
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import examine

REGISTRY = Registry([Entry("mix", component, "builtin") for component in trash_mixes()])
NAMES = ("Background", "Paper", "Glass", "Metal")
MASKS = arrays.arrays(
    np.uint8, (12, 16), elements=st.sampled_from([0, 0, 1, 2, 3, 255]), fill=st.nothing()
)


def make(name: str, **parameters: object) -> Mix:
    context = Context(NAMES, image_size=(12, 16))
    return REGISTRY.build("mix", ComponentSpec(name=name, **parameters), context)


def apply_mix(mix: Mix, sample: Sample, partner: Sample, seed: int = 0, batch: int = 0) -> Sample:
    return mix(sample, partner, np.random.default_rng(seed), np.random.default_rng([batch, 1]))


def of_mask(mask: np.ndarray, lowest: int) -> Sample:
    """A sample of that mask; each pixel has its own colour, none below `lowest`."""
    height, width = mask.shape
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = lowest + np.arange(width) % 100
    image[..., 1] = lowest + np.arange(height)[:, None] % 100
    image[..., 2] = lowest
    return Sample(image, mask, f"{lowest}.jpg")


def pair(height: int, width: int) -> tuple[Sample, Sample]:
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 4, (height, width), dtype=np.uint8) for _ in range(2)]
    return of_mask(masks[0], 0), of_mask(masks[1], 128)


def partner_pixels(result: Sample, sample: Sample, partner: Sample) -> np.ndarray:
    """Return bool (H, W): the pixels of the partner; every other one must be the sample's."""
    from_partner = result.image[..., 2] >= 128
    for array, own, other in (
        (result.image, sample.image, partner.image),
        (result.mask, sample.mask, partner.mask),
    ):
        np.testing.assert_array_equal(array[from_partner], other[from_partner])
        np.testing.assert_array_equal(array[~from_partner], own[~from_partner])
    assert result.second_mask is None
    assert result.file_name == sample.file_name
    return from_partner


def box_of(pixels: np.ndarray) -> tuple[int, int, int, int]:
    """Return top, left, height, width of a filled box of true pixels."""
    rows, columns = np.nonzero(pixels.any(1))[0], np.nonzero(pixels.any(0))[0]
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    assert pixels[top:bottom, left:right].all()
    assert pixels.sum() == (bottom - top) * (right - left)
    return int(top), int(left), int(bottom - top), int(right - left)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cutmix", {}),
        ("cutmix", {"mode": "half"}),
        ("cutmix", {"mode": "foreground", "alpha": 0.3}),
        ("mixup", {}),
        ("classmix", {}),
        ("classmix", {"share": 1.0}),
        ("copy_paste", {}),
        ("copy_paste", {"blend": 0.0, "min_area": 1}),
        ("copy_paste", {"scale": [2.0, 6.0], "classes": ["Metal"]}),
    ],
)
def test_mixes_keep_their_contract(name: str, parameters: dict[str, object]) -> None:
    report = examine("mix", name, REGISTRY, parameters)
    assert report.findings == ()


def test_the_mixes_can_be_listed_again_after_they_were_made() -> None:
    for component in trash_mixes():
        make(component.name)
    assert all(callable(component.factory) for component in trash_mixes())


# CutMix.


@pytest.mark.parametrize("alpha", [0.3, 1.0, 4.0])
def test_the_box_of_cutmix_has_the_area_of_its_definition(alpha: float) -> None:
    """Against plain draws: side √(1 − λ), uniform centre, cut off at the frame."""
    sample, partner = pair(60, 80)
    mix = make("cutmix", alpha=alpha)
    areas = [
        partner_pixels(apply_mix(mix, sample, partner, seed), sample, partner).mean()
        for seed in range(500)
    ]
    rng = np.random.default_rng(1)
    expected = []
    for _ in range(20_000):
        side = np.sqrt(1 - rng.beta(alpha, alpha))
        centre = rng.random(2)
        sides = np.minimum(centre + side / 2, 1) - np.maximum(centre - side / 2, 0)
        expected.append(sides.prod())
    assert np.mean(areas) == pytest.approx(np.mean(expected), abs=0.03)
    assert np.std(areas) == pytest.approx(np.std(expected), abs=0.03)


def test_the_box_of_cutmix_has_the_proportions_of_the_image_and_lies_anywhere() -> None:
    sample, partner = pair(60, 80)
    inside, covered = 0, np.zeros((60, 80))
    for seed in range(300):
        pixels = partner_pixels(apply_mix(make("cutmix"), sample, partner, seed), sample, partner)
        covered += pixels
        if not pixels.any():
            continue
        top, left, height, width = box_of(pixels)
        if top > 0 and left > 0 and top + height < 60 and left + width < 80:
            assert height / 60 == pytest.approx(width / 80, abs=0.02)
            inside += 1
    assert inside > 30
    assert covered.min() > 20


@pytest.mark.parametrize("height", [12, 13])
def test_the_half_of_cutmix_is_the_top_half(height: int) -> None:
    sample, partner = pair(height, 16)
    pixels = partner_pixels(
        apply_mix(make("cutmix", mode="half"), sample, partner), sample, partner
    )
    assert box_of(pixels) == (0, 0, height // 2, 16)


def test_the_foreground_box_lies_in_the_bounding_box_of_the_foreground() -> None:
    """The bounding box is wide and low: swapped axes would be seen."""
    mask = np.zeros((60, 80), np.uint8)
    mask[40, 10], mask[49, 69] = 1, 3
    mask[:5] = 255
    sample, partner = pair(60, 80)[0], of_mask(mask, 128)
    mix = make("cutmix", mode="foreground")
    boxes = [
        box_of(partner_pixels(apply_mix(mix, sample, partner, seed), sample, partner))
        for seed in range(400)
    ]
    for top, left, height, width in boxes:
        assert top >= 40
        assert top + height <= 50
        assert left >= 10
        assert left + width <= 70
        assert height / 10 == pytest.approx(width / 60, abs=0.06)
    # 1 − λ is uniform for alpha = 1, and it is the box's share of the area.
    shares = np.sort([height * width / 600 for *_, height, width in boxes])
    np.testing.assert_allclose(shares, np.linspace(0, 1, 400), atol=0.1)
    assert {top for top, _, height, _ in boxes if height == 5} == set(range(40, 46))


@pytest.mark.parametrize("label", [0, 255])
def test_a_partner_without_foreground_leaves_the_sample_as_it_is(label: int) -> None:
    sample = pair(12, 16)[0]
    partner = of_mask(np.full((12, 16), label, np.uint8), 128)
    for name, parameters in (("cutmix", {"mode": "foreground"}), ("copy_paste", {})):
        result = apply_mix(make(name, **parameters), sample, partner)
        assert not partner_pixels(result, sample, partner).any()


# MixUp.


def test_mixup_blends_images_and_keeps_both_masks() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 12, 16, 3), dtype=np.uint8)
    sample, partner = pair(12, 16)
    sample = Sample(images[0], sample.mask, "own.jpg")
    partner = Sample(images[1], partner.mask, "other.jpg")
    for seed in range(20):
        result = apply_mix(make("mixup", alpha=0.6), sample, partner, seed=9, batch=seed)
        share = np.random.default_rng([seed, 1]).beta(0.6, 0.6)
        assert result.share == share
        expected = share * images[0].astype(float) + (1 - share) * images[1]
        np.testing.assert_allclose(result.image, expected, atol=0.5 + 1e-3)
        np.testing.assert_array_equal(result.mask, sample.mask)
        np.testing.assert_array_equal(result.second_mask, partner.mask)
        assert result.second_mask is not partner.mask
        assert result.file_name == "own.jpg"


@pytest.mark.parametrize("alpha", [0.2, 5.0])
def test_the_share_of_mixup_has_its_distribution(alpha: float) -> None:
    sample, partner = pair(4, 4)
    mix = make("mixup", alpha=alpha)
    shares = [apply_mix(mix, sample, partner, batch=batch).share for batch in range(600)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.06)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.02)


# ClassMix.


@pytest.mark.parametrize(
    ("labels", "share", "n_chosen"),
    [
        ((0, 1, 2, 3), 0.5, 2),
        ((0, 1, 3), 0.5, 2),
        ((2,), 0.5, 1),
        ((0, 1, 2, 3), 0.26, 2),
        ((0, 1, 2, 3), 0.25, 1),
        ((0, 2), 1.0, 2),
    ],
)
def test_classmix_takes_all_pixels_of_some_labels(
    labels: tuple[int, ...], share: float, n_chosen: int
) -> None:
    rng = np.random.default_rng(0)
    mask = rng.choice(np.array([*labels, 255], np.uint8), (12, 16))
    sample, partner = pair(12, 16)[0], of_mask(mask, 128)
    mix = make("classmix", share=share)
    times = dict.fromkeys(labels, 0)
    for seed in range(300):
        pixels = partner_pixels(apply_mix(mix, sample, partner, seed), sample, partner)
        found = set(mask[pixels].tolist())
        assert len(found) == n_chosen
        np.testing.assert_array_equal(pixels, np.isin(mask, list(found)))
        for label in found:
            times[label] += 1
    # Every label, the background too, is as likely as the others; ignored pixels never come along.
    for count in times.values():
        assert count / 300 == pytest.approx(n_chosen / len(labels), abs=0.11)


def test_a_share_of_classmix_is_not_rounded_up_by_floating_point() -> None:
    context = Context(tuple(map(str, range(100))), image_size=(10, 10))
    mix = REGISTRY.build("mix", ComponentSpec(name="classmix", share=0.07), context)
    partner = of_mask(np.arange(100, dtype=np.uint8).reshape(10, 10), 128)
    sample = of_mask(np.zeros((10, 10), np.uint8), 0)
    assert partner_pixels(apply_mix(mix, sample, partner), sample, partner).sum() == 7


# All of them.


@given(own=MASKS, other=MASKS, seed=st.integers(0, 1000))
@pytest.mark.parametrize(
    "make_mix",
    [
        lambda: make("cutmix"),
        lambda: make("cutmix", mode="half"),
        lambda: make("cutmix", mode="foreground"),
        lambda: make("classmix"),
    ],
    ids=["random", "half", "foreground", "classmix"],
)
@settings(max_examples=40, deadline=None)
def test_every_pixel_comes_with_its_label_from_one_of_the_two(
    make_mix: Callable[[], Mix], own: np.ndarray, other: np.ndarray, seed: int
) -> None:
    sample, partner = of_mask(own, 0), of_mask(other, 128)
    partner_pixels(apply_mix(make_mix(), sample, partner, seed), sample, partner)


@pytest.mark.parametrize(
    ("name", "parameters", "parameter", "hint"),
    [
        ("copy_paste", {"scale": [1.5, 0.5]}, "scale", "scale = [0.5, 1.5]"),
        ("copy_paste", {"classes": ["Glas"]}, "classes", "Did you mean Glass?"),
        ("copy_paste", {"classes": ["Background"]}, "classes", "Valid: Glass, Metal, Paper"),
    ],
)
def test_a_refusal_names_the_parameter_and_the_nearest_valid_value(
    name: str, parameters: dict[str, object], parameter: str, hint: str
) -> None:
    with pytest.raises(UsageError) as raised:
        make(name, **parameters)
    assert raised.value.parameter == parameter
    assert hint in raised.value.hint


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cutmix", {"mode": "bottom"}),
        ("cutmix", {"alpha": 0.0}),
        ("mixup", {"alpha": -1.0}),
        ("classmix", {"share": 0.0}),
        ("classmix", {"share": 1.1}),
        ("copy_paste", {"flip": 1.5}),
        ("copy_paste", {"max_objects": 0}),
        ("copy_paste", {"classes": []}),
    ],
)
def test_wrong_parameters_are_refused(name: str, parameters: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=next(iter(parameters))):
        make(name, **parameters)
