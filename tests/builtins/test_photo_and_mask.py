"""Whatever moves pixels moves photo and mask alike: their centres of mass agree."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from toolkit import ComponentSpec, Context, CutOut, Sample
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.registry import Registry

SIZE = (96, 128)
N_SEEDS = 40
LIMIT = 0.1
"""Pixels on average over the seeds; a corner rule in place of the centres gives 0.25 or more."""

MOVES: dict[str, dict[str, Any]] = {
    "crop_non_empty": {"size": 0.6},
    "elastic": {},
    "grid_distortion": {},
    "grid_shuffle": {"cells": 2},
    "hflip": {},
    "optical_distortion": {},
    "random_resized_crop": {"scale": [0.3, 0.8]},
    "random_sized_crop": {"min_size": 0.5, "max_size": 0.9},
    "rotate": {},
    "rotate90": {},
    "scale_shift_rotate": {},
    "vflip": {},
}


def context(**objects: Any) -> Context:
    return Context(class_names=("Background", "a", "b"), image_size=SIZE, **objects)


def bright(mask: np.ndarray) -> np.ndarray:
    """A photo that shows what its mask says: label 1 is white, all else black."""
    return np.repeat((mask == 1)[..., None] * np.uint8(255), 3, axis=2)


def boxed(rng: np.random.Generator) -> Sample:
    mask = np.zeros(SIZE, np.uint8)
    top, left = rng.integers(20, 40, 2)
    height, width = rng.integers(20, 40, 2)
    mask[top : top + height, left : left + width] = 1
    return Sample(bright(mask), mask, "a.png")


def apart(sample: Sample) -> np.ndarray | None:
    """Return (rows, columns) from the mask's centre of mass to the photo's, None without a mass."""
    rows, columns = np.indices(sample.mask.shape)
    centres = []
    for weight in (sample.image[..., 0] / 255.0, (sample.mask == 1).astype(float)):
        if weight.sum() < 20:
            return None
        centres.append(np.array([(rows * weight).sum(), (columns * weight).sum()]) / weight.sum())
    return np.asarray(centres[0] - centres[1])


def on_average(samples: list[Sample]) -> np.ndarray:
    found = [each for sample in samples if (each := apart(sample)) is not None]
    assert len(found) > N_SEEDS / 2
    return np.abs(np.mean(found, axis=0))


@pytest.mark.parametrize("name", MOVES)
def test_photo_and_mask_move_alike(name: str, registry: Registry) -> None:
    step = registry.build("augmentation", ComponentSpec(name=name, **MOVES[name]), context())
    samples = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        samples.append(step(boxed(rng), rng))
    assert (on_average(samples) < LIMIT).all(), on_average(samples)


def test_every_augmentation_that_moves_pixels_is_here(registry: Registry) -> None:
    """A new one is seen by its effect: it changes the mask of a photo."""
    found = set()
    for entry in registry.entries("augmentation"):
        if entry.name in ("object_mix", "one_of"):  # below; what it is given
            continue
        step = registry.build("augmentation", ComponentSpec(name=entry.name), context())
        for seed in range(10):
            sample = boxed(np.random.default_rng(seed))
            if not np.array_equal(step(sample, np.random.default_rng(seed)).mask, sample.mask):
                found.add(entry.name)
    assert found == set(MOVES)


def test_objects_of_a_bank_lie_over_their_masks(registry: Registry) -> None:
    alpha = np.zeros((40, 50), np.uint8)
    alpha[6:34, 6:43] = 255
    image = np.repeat(alpha[..., None], 3, axis=2)
    for source in ((150, 200), (300, 400), (61, 80)):
        bank = MemoryBank((CutOut(image, alpha, 1, "b.png", source),))
        spec = ComponentSpec(name="object_mix", objects=[1, 1], blend=0.0, rotate=20)
        step = registry.build("augmentation", spec, context(objects=lambda bank=bank: bank))
        blank = Sample(np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8), "a.png")
        samples = [step(blank, np.random.default_rng(seed)) for seed in range(N_SEEDS)]
        assert (on_average(samples) < LIMIT).all(), (source, on_average(samples))


@pytest.mark.parametrize("name", ["copy_paste", "cutmix", "classmix"])
def test_what_is_mixed_in_lies_over_its_mask(name: str, registry: Registry) -> None:
    parameters = {"copy_paste": {"blend": 0.0}, "cutmix": {"mode": "foreground"}}.get(name, {})
    mix = registry.build("mix", ComponentSpec(name=name, **parameters), context())
    blank = Sample(np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8), "a.png")
    samples = []
    for seed in range(N_SEEDS * 2):
        rng = np.random.default_rng(seed)
        samples.append(mix(blank, boxed(rng), rng, np.random.default_rng(seed)))
    assert (on_average(samples) < LIMIT).all(), on_average(samples)


def test_the_measure_finds_the_corner_rule() -> None:
    samples = []
    for seed in range(N_SEEDS):
        sample = boxed(np.random.default_rng(seed))
        image = cv2.resize(sample.image, (48, 40), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(sample.mask, (48, 40), interpolation=cv2.INTER_NEAREST)
        samples.append(Sample(np.asarray(image, np.uint8), np.asarray(mask, np.uint8)))
    assert (on_average(samples) > 2 * LIMIT).all()
