"""Contracts see photos and masks that did not move alike, and let everything else pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.testing.contract_pieces import registry_with
from toolkit import Sample
from toolkit.testing import examine

Array = NDArray[np.uint8]
Move = Callable[[Array, np.random.Generator], Array]

AUGMENTATION = "Moves photo and mask alike: the mask has a label where the photo shows it"
MIX = "Moves photo and masks alike, and gives a blend the share that it has in the photo"

# Module level, so that contracts can pickle them.


def flip(array: Array, rng: np.random.Generator) -> Array:
    return array[:, ::-1].copy()


def sometimes_flip(array: Array, rng: np.random.Generator) -> Array:
    return array[::-1].copy() if rng.random() < 0.3 else array


def transpose(array: Array, rng: np.random.Generator) -> Array:
    """Mirror at the diagonal where that keeps the shape."""
    square = array.shape[0] == array.shape[1]
    return np.ascontiguousarray(array.swapaxes(0, 1)) if square else array


def quarter(array: Array, rng: np.random.Generator) -> Array:
    square = array.shape[0] == array.shape[1]
    return np.rot90(array, int(rng.integers(4))).copy() if square else array


def warp(array: Array, matrix: NDArray[np.float64]) -> Array:
    height, width = array.shape[:2]
    way = cv2.INTER_LINEAR if array.ndim == 3 else cv2.INTER_NEAREST
    moved = cv2.warpAffine(array, matrix, (width, height), flags=way, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, np.uint8).reshape(array.shape)


def turn(array: Array, rng: np.random.Generator) -> Array:
    height, width = array.shape[:2]
    centre = (width - 1) / 2, (height - 1) / 2
    return warp(array, np.asarray(cv2.getRotationMatrix2D(centre, rng.uniform(-15, 15), 1)))


def zoom(array: Array, rng: np.random.Generator) -> Array:
    height, width = array.shape[:2]
    centre = (width - 1) / 2, (height - 1) / 2
    return warp(array, np.asarray(cv2.getRotationMatrix2D(centre, 0, rng.uniform(1, 1.3))))


@dataclass(frozen=True)
class Shift:
    rows: int
    columns: int

    def __call__(self, array: Array, rng: np.random.Generator) -> Array:
        matrix = np.array([[1, 0, self.columns], [0, 1, self.rows]], float)
        return warp(array, matrix)


@dataclass(frozen=True)
class Moves:
    """Moves the photo, the mask, or both."""

    move: Move
    photo: bool
    mask: bool

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        seed = int(rng.integers(2**32))
        image, mask = (
            self.move(array, np.random.default_rng(seed)) if moved else array
            for array, moved in ((sample.image, self.photo), (sample.mask, self.mask))
        )
        return replace(sample, image=image, mask=mask)


MOVES = [flip, sometimes_flip, transpose, quarter, turn, zoom, Shift(2, 0), Shift(-1, 3)]


def findings(kind: str, component: object) -> dict[str, str]:
    report = examine(kind, "broken", registry_with(kind, lambda context: component))
    return {finding.rule: finding.message for finding in report.findings}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("what", ["photo", "mask"])
def test_a_photo_or_a_mask_that_moves_alone_is_found(move: Move, what: str) -> None:
    found = findings("augmentation", Moves(move, what == "photo", what == "mask"))
    assert list(found) == [AUGMENTATION]


@pytest.mark.parametrize("move", MOVES)
def test_what_moves_together_is_not_broken(move: Move) -> None:
    assert findings("augmentation", Moves(move, True, True)) == {}


@pytest.mark.parametrize(
    ("move", "way_back"),
    [
        (flip, "mirrored left and right"),
        (Shift(3, 0), "moved by 3 rows and 0 columns"),
        (Shift(-2, 1), "moved by -2 rows and 1 column"),
        (Shift(1, 0), "moved by 1 row and 0 columns"),
    ],
)
def test_the_message_says_how_it_would_fit(move: Move, way_back: str) -> None:
    message = findings("augmentation", Moves(move, True, False))[AUGMENTATION]
    assert f"its mask fits when it is {way_back} (seed 0, 96 × 96 pixels)" in message


@dataclass(frozen=True)
class Crop:
    """Brings a part to full size; masks follow `rule`."""

    rule: int

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        height, width = sample.mask.shape
        rows, columns = (int(side * rng.uniform(0.5, 0.9)) for side in (height, width))
        image = cv2.resize(sample.image[:rows, :columns], (width, height))
        mask = cv2.resize(sample.mask[:rows, :columns], (width, height), interpolation=self.rule)
        image = np.asarray(image).reshape(sample.image.shape)
        return replace(sample, image=image, mask=np.asarray(mask))


def test_masks_resized_by_corners_are_found() -> None:
    """Photos are resized about the centres of pixels: such a mask is half a pixel beside them."""
    assert findings("augmentation", Crop(cv2.INTER_NEAREST_EXACT)) == {}
    assert list(findings("augmentation", Crop(cv2.INTER_NEAREST))) == [AUGMENTATION]


def test_elastic_photos_with_rigid_masks_are_found() -> None:
    def wave(array: Array, rng: np.random.Generator) -> Array:
        height, width = array.shape[:2]
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        x = columns + 5 * np.sin(rows / 9).astype(np.float32)
        y = rows + 5 * np.cos(columns / 11).astype(np.float32)
        way = cv2.INTER_LINEAR if array.ndim == 3 else cv2.INTER_NEAREST
        moved = cv2.remap(array, x, y, way, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(moved, np.uint8).reshape(array.shape)

    assert AUGMENTATION in findings("augmentation", Moves(wave, True, False))
    assert AUGMENTATION not in findings("augmentation", Moves(wave, True, True))


# What changes colours alone.


def noise(image: Array, rng: np.random.Generator) -> Array:
    return (image + rng.normal(0, 25, image.shape)).clip(0, 255).astype(np.uint8)


def blur(image: Array, rng: np.random.Generator) -> Array:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 2), np.uint8)


def grey(image: Array, rng: np.random.Generator) -> Array:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def invert(image: Array, rng: np.random.Generator) -> Array:
    return 255 - image


def shuffle(image: Array, rng: np.random.Generator) -> Array:
    return np.ascontiguousarray(image[..., rng.permutation(3)])


def one_channel_lost(image: Array, rng: np.random.Generator) -> Array:
    image = image.copy()
    image[..., rng.integers(3)] = 0
    return image


def posterize(image: Array, rng: np.random.Generator) -> Array:
    return image & np.uint8(0b11000000)


def jpeg(image: Array, rng: np.random.Generator) -> Array:
    _, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)


def half_resolution(image: Array, rng: np.random.Generator) -> Array:
    height, width = image.shape[:2]
    small = cv2.resize(image, (width // 3, height // 3), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def shadow(image: Array, rng: np.random.Generator) -> Array:
    ramp = np.linspace(0.3, 1.2, image.shape[1])[:, None]
    return (image * ramp).clip(0, 255).astype(np.uint8)


def noise_in_half(image: Array, rng: np.random.Generator) -> Array:
    image = image.copy()
    image[::2] = rng.integers(0, 256, image[::2].shape)
    return image


def dark(image: Array, rng: np.random.Generator) -> Array:
    return (0.35 * image).astype(np.uint8)


COLOURS = [
    *(noise, blur, grey, invert, shuffle, one_channel_lost, posterize, jpeg, half_resolution),
    *(shadow, noise_in_half, dark),
]


@pytest.mark.parametrize("change", COLOURS)
def test_changes_of_colours_are_not_broken(change: Move) -> None:
    assert AUGMENTATION not in findings("augmentation", Moves(change, True, False))


@pytest.mark.parametrize("change", COLOURS)
def test_a_flip_is_seen_through_changes_of_colours(change: Move) -> None:
    def both(sample: Sample, rng: np.random.Generator) -> Sample:
        return Moves(flip, True, False)(Moves(change, True, False)(sample, rng), rng)

    assert AUGMENTATION in findings("augmentation", both)


def test_a_photo_that_vanishes_is_found() -> None:
    found = findings("augmentation", Moves(lambda image, rng: np.zeros_like(image), True, False))
    assert found[AUGMENTATION] == "nothing is left of the photo, whatever the seed"


def test_one_that_looks_at_the_photo_is_judged() -> None:
    def to_the_bright_side(sample: Sample, rng: np.random.Generator) -> Sample:
        half = sample.image.shape[1] // 2
        bright = sample.image[:, :half].mean() > sample.image[:, half:].mean()
        return Moves(flip, True, True)(sample, rng) if bright else sample

    def and_forgets_the_mask(sample: Sample, rng: np.random.Generator) -> Sample:
        moved = to_the_bright_side(sample, rng)
        return replace(moved, mask=np.ascontiguousarray(moved.mask[::-1]))

    assert AUGMENTATION not in findings("augmentation", to_the_bright_side)
    assert AUGMENTATION in findings("augmentation", and_forgets_the_mask)


# Mixes.


def box(own, other, rng, batch_rng):
    image, mask = own.image.copy(), own.mask.copy()
    part = slice(10, 40), slice(20, 44)
    image[part], mask[part] = other.image[part], other.mask[part]
    return replace(own, image=image, mask=mask)


def box_of_photo_alone(own, other, rng, batch_rng):
    return replace(box(own, other, rng, batch_rng), mask=own.mask)


def box_elsewhere(own, other, rng, batch_rng):
    mixed = box(own, other, rng, batch_rng)
    mask = own.mask.copy()
    mask[18:48, 20:44] = other.mask[18:48, 20:44]
    return replace(mixed, mask=mask)


def blend(own, other, rng, batch_rng):
    share = float(batch_rng.uniform(0.2, 0.8))
    image = np.rint(share * own.image + (1 - share) * other.image).astype(np.uint8)
    return replace(own, image=image, second_mask=other.mask.copy(), share=share)


def blend_with_the_other_share(own, other, rng, batch_rng):
    mixed = blend(own, other, rng, batch_rng)
    return replace(mixed, share=1 - mixed.share)


def blend_of_a_mirrored_partner(own, other, rng, batch_rng):
    mirrored = replace(other, image=other.image[:, ::-1])
    return replace(blend(own, mirrored, rng, batch_rng), second_mask=other.mask.copy())


def blend_with_exchanged_masks(own, other, rng, batch_rng):
    mixed = blend(own, other, rng, batch_rng)
    return replace(mixed, mask=other.mask.copy(), second_mask=own.mask.copy())


def blend_without_second(own, other, rng, batch_rng):
    mixed = blend(own, other, rng, batch_rng)
    return replace(mixed, second_mask=None, share=1.0)


@pytest.mark.parametrize(
    "mix",
    [
        *(box_of_photo_alone, box_elsewhere, blend_with_the_other_share),
        *(blend_of_a_mirrored_partner, blend_with_exchanged_masks, blend_without_second),
    ],
)
def test_mixes_whose_masks_do_not_say_what_is_in_the_photo_are_found(mix: object) -> None:
    assert list(findings("mix", mix)) == [MIX]


@pytest.mark.parametrize("mix", [box, blend])
def test_mixes_that_fit_are_not_broken(mix: object) -> None:
    assert findings("mix", mix) == {}
