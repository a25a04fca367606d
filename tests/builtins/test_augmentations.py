from __future__ import annotations

import numpy as np
import pytest

from toolkit import ComponentSpec, Context, Sample, UsageError
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry
from toolkit.testing import examine

SIZE = (96, 96)
PALETTE = np.array([[20, 20, 20], [230, 30, 30], [30, 230, 30], [40, 40, 230]], dtype=np.uint8)
MOVING = {
    "hflip": {},
    "vflip": {},
    "rotate90": {},
    "rotate": {"limit": 45.0},
    "scale_shift_rotate": {},
    "random_resized_crop": {"scale": [0.3, 1.0]},
    "random_sized_crop": {"min_size": 48, "max_size": 72},
    "crop_non_empty": {"size": 48},
    "grid_shuffle": {"cells": 2},
    "elastic": {},
    "grid_distortion": {},
    "optical_distortion": {},
}
COLOUR = ("clahe", "brightness", "brightness_contrast", "gamma")


def make(
    registry: Registry, name: str, input_size: tuple[int, int] = SIZE, /, **parameters: object
) -> Augmentation:
    context = Context(("a", "b", "c", "d"), image_size=input_size)
    return registry.build("augmentation", ComponentSpec(name=name, **parameters), context)


def coloured(height: int = 96, width: int = 96, seed: int = 0) -> Sample:
    """A sample whose colours are its labels."""
    cells = np.random.default_rng(seed).integers(0, 4, (height // 24, width // 24), dtype=np.uint8)
    mask = cells.repeat(24, axis=0).repeat(24, axis=1)
    return Sample(PALETTE[mask], mask)


def labels_of(image: np.ndarray) -> np.ndarray:
    """Nearest palette colour of every pixel."""
    distance = np.abs(image[:, :, None].astype(int) - PALETTE[None, None].astype(int)).sum(axis=-1)
    return distance.argmin(axis=-1)


def generators(n: int = 12) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(n)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("elastic", {"alpha": 40.0, "sigma": 2.0, "affine": 1.2}),
        ("elastic", {"sigma": 200.0}),
        ("grid_distortion", {"steps": 40, "limit": 0.9}),
        ("optical_distortion", {"limit": 2.0}),
        ("random_sized_crop", {"min_size": 1, "max_size": 1.0}),
        ("crop_non_empty", {"size": 1.0}),
        ("grid_shuffle", {"cells": 7}),
        ("cutout", {"background_only": True, "holes": 8, "size": 10}),
        ("grid_mask", {"mode": "two", "cells": 5}),
        ("grid_mask", {"mode": "inverse", "ratio": 0.3}),
        ("hide_and_seek", {"cells": [7]}),
        ("augmix", {"chains": 1, "depth": [4, 4], "severity": 10.0}),
    ],
)
def test_other_parameters_keep_the_contract_too(
    name: str, parameters: dict[str, object], registry: Registry
) -> None:
    assert examine("augmentation", name, registry, parameters).findings == ()


@pytest.mark.parametrize("name", MOVING)
def test_image_and_mask_move_together(name: str, registry: Registry) -> None:
    augmentation = make(registry, name, **MOVING[name])
    sample = coloured()
    changed = 0
    for rng in generators():
        result = augmentation(sample, rng)
        # Linear interpolation mixes colours along borders, so they may disagree.
        assert (labels_of(result.image) == result.mask).mean() > 0.93
        changed += not np.array_equal(result.mask, sample.mask)
    assert changed > 6


@pytest.mark.parametrize("name", COLOUR)
def test_colour_changes_leave_the_mask(name: str, registry: Registry) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    sample = Sample(noise, coloured().mask)
    results = [make(registry, name)(sample, rng) for rng in generators(4)]
    assert all(np.array_equal(result.mask, sample.mask) for result in results)
    assert all(not np.array_equal(result.image, sample.image) for result in results)


def test_flips_are_exact(registry: Registry) -> None:
    sample, rng = coloured(96, 48), np.random.default_rng(0)
    mirrored = make(registry, "hflip")(sample, rng)
    np.testing.assert_array_equal(mirrored.image, sample.image[:, ::-1])
    np.testing.assert_array_equal(mirrored.mask, sample.mask[:, ::-1])
    turned_over = make(registry, "vflip")(sample, rng)
    np.testing.assert_array_equal(turned_over.image, sample.image[::-1])
    np.testing.assert_array_equal(turned_over.mask, sample.mask[::-1])


@pytest.mark.parametrize(("width", "turns"), [(96, {0, 1, 2, 3}), (48, {0, 2})])
def test_quarter_turns_are_all_equally_likely(
    width: int, turns: set[int], registry: Registry
) -> None:
    augmentation, sample = make(registry, "rotate90"), coloured(96, width)
    counts = dict.fromkeys(range(4), 0)
    for rng in generators(200):
        result = augmentation(sample, rng)
        found = [k for k in range(4) if np.array_equal(np.rot90(sample.mask, k), result.mask)]
        assert len(found) == 1
        np.testing.assert_array_equal(np.rot90(sample.image, found[0]), result.image)
        counts[found[0]] += 1
    assert {k for k, n in counts.items() if n} == turns
    assert all(0.6 < counts[k] * len(turns) / 200 < 1.4 for k in turns)


def test_rotation_mirrors_the_border_in_image_and_mask(registry: Registry) -> None:
    sample = Sample(np.full((96, 96, 3), 200, np.uint8), np.full((96, 96), 2, np.uint8))
    result = make(registry, "rotate", limit=45.0)(sample, np.random.default_rng(1))
    assert (result.mask == 2).all()
    assert (result.image == 200).all()


def test_random_resized_crop_gives_the_input_size_of_the_network(registry: Registry) -> None:
    crop = make(registry, "random_resized_crop", (40, 72))
    result = crop(coloured(), np.random.default_rng(0))
    assert result.image.shape == (40, 72, 3)
    assert result.mask.shape == (40, 72)


def test_one_of_chooses_by_weight(registry: Registry) -> None:
    choice = make(registry, "one_of", of=[{"name": "hflip", "p": 0.9}, {"name": "vflip", "p": 0.3}])
    sample = coloured(seed=4)
    mirrored = turned_over = 0
    for rng in generators(400):
        mask = choice(sample, rng).mask
        mirrored += np.array_equal(mask, sample.mask[:, ::-1])
        turned_over += np.array_equal(mask, sample.mask[::-1])
    assert mirrored + turned_over == 400
    assert 0.68 < mirrored / 400 < 0.82


def test_one_of_never_takes_a_weight_of_zero(registry: Registry) -> None:
    choice = make(registry, "one_of", of=[{"name": "hflip", "p": 0.0}, {"name": "vflip"}])
    sample = coloured(seed=4)
    for rng in generators(50):
        np.testing.assert_array_equal(choice(sample, rng).mask, sample.mask[::-1])


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("one_of", {"of": []}, "of"),
        ("one_of", {"of": [{"name": "hflip", "p": 0.0}]}, "every choice has p = 0"),
        ("one_of", {"of": [{"name": "hflop"}]}, "hflop"),
        ("rotate", {"limit": 200.0}, "limit"),
        ("hide_and_seek", {"share": 1.5}, "share"),
        ("hide_and_seek", {"cells": []}, "cells"),
        ("grid_mask", {"ratio": 1.0}, "ratio"),
        ("augmix", {"severity": 11.0}, "severity"),
    ],
)
def test_wrong_parameters_are_refused(
    name: str, parameters: dict[str, object], message: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=message):
        make(registry, name, **parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "parameter", "hint"),
    [
        ("random_resized_crop", {"scale": [1.0, 0.5]}, "scale", "scale = [0.5, 1]"),
        ("clahe", {"clip_limit": [4.0, 1.0]}, "clip_limit", "clip_limit = [1, 4]"),
        ("gamma", {"limits": [120.0, 80.0]}, "limits", "limits = [80, 120]"),
        ("augmix", {"depth": [3, 1]}, "depth", "depth = [1, 3]"),
        ("random_sized_crop", {"max_size": 97}, "max_size", "Nearest valid: 96."),
        ("random_sized_crop", {"min_size": 60, "max_size": 0.5}, "min_size", "min_size = 0.5"),
        ("crop_non_empty", {"size": 200}, "size", "Nearest valid: 96."),
        ("cutout", {"size": 97}, "size", "Nearest valid: 96."),
        ("grid_mask", {"cells": 49}, "cells", "Nearest valid: 48."),
        ("grid_shuffle", {"cells": 97}, "cells", "Nearest valid: 96."),
        ("one_of", {"of": [{"name": "hflip", "p": 0.0}]}, "of", "Give at least one"),
    ],
)
def test_a_refusal_names_the_parameter_and_the_nearest_valid_value(
    name: str, parameters: dict[str, object], parameter: str, hint: str, registry: Registry
) -> None:
    with pytest.raises(UsageError) as raised:
        make(registry, name, **parameters)
    assert raised.value.parameter == parameter
    assert hint in raised.value.hint


def test_a_part_must_fit_the_shorter_side_of_the_input(registry: Registry) -> None:
    with pytest.raises(UsageError, match="only 48 x 64 pixels") as raised:
        make(registry, "crop_non_empty", (48, 64), size=60)
    assert "Nearest valid: 48." in raised.value.hint
