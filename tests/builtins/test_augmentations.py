from __future__ import annotations

import numpy as np
import pytest

from toolkit import ComponentSpec, Context, Sample, UsageError
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry

SIZE = (96, 96)
PALETTE = np.array([[20, 20, 20], [230, 30, 30], [30, 230, 30], [40, 40, 230]], dtype=np.uint8)
MOVING = {
    "hflip": {},
    "vflip": {},
    "rotate90": {},
    "rotate": {"limit": 45.0},
    "scale_shift_rotate": {},
    "random_resized_crop": {"scale": [0.3, 1.0]},
    "elastic": {},
    "grid_distortion": {},
    "optical_distortion": {},
}
COLOUR = ("clahe", "brightness", "brightness_contrast", "gamma")


def make(
    registry: Registry, name: str, /, size: tuple[int, int] = SIZE, **parameters: object
) -> Augmentation:
    context = Context(("a", "b", "c", "d"), image_size=size)
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
    crop = make(registry, "random_resized_crop", size=(40, 72))
    result = crop(coloured(), np.random.default_rng(0))
    assert result.image.shape == (40, 72, 3)
    assert result.mask.shape == (40, 72)


def test_cutout_blanks_squares_of_the_image_only(registry: Registry) -> None:
    sample = Sample(np.full((96, 96, 3), 200, np.uint8), coloured().mask)
    cutout = make(registry, "cutout", holes=1, size=20, fill=7)
    result = cutout(sample, np.random.default_rng(0))
    rows, columns = np.nonzero((result.image == 7).all(axis=-1))
    assert len(rows) == 400
    assert (np.ptp(rows), np.ptp(columns)) == (19, 19)
    np.testing.assert_array_equal(result.mask, sample.mask)


def test_elastic_without_strength_changes_nothing(registry: Registry) -> None:
    sample = coloured()
    still = make(registry, "elastic", alpha=1e-6, sigma=6.0, affine=0.0)
    result = still(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(result.mask, sample.mask)
    assert np.abs(result.image.astype(int) - sample.image).max() <= 1


def test_elastic_matches_its_formula(registry: Registry) -> None:
    """Every pixel comes from its place plus alpha × smoothed uniform noise; plain loops."""
    from toolkit.builtins.augmentations.elastic import Elastic

    size, sigma, alpha = 24, 2.0, 60.0
    rng = np.random.default_rng(3)
    noise_x = rng.random((size, size), dtype=np.float32) * 2 - 1
    taps = np.arange(-8, 9)
    kernel = np.exp(-(taps**2) / (2 * sigma**2))
    kernel /= kernel.sum()

    def mirrored(i: int) -> int:
        period = 2 * (size - 1)
        i %= period
        return i if i < size else period - i

    def smooth_at(noise: np.ndarray, y: int, x: int) -> float:
        return sum(
            kernel[i] * kernel[j] * noise[mirrored(y + dy), mirrored(x + dx)]
            for i, dy in enumerate(taps)
            for j, dx in enumerate(taps)
        )

    # Labels that change slowly: their value tells the column they came from.
    mask = np.tile(np.arange(size, dtype=np.uint8), (size, 1))
    sample = Sample(np.zeros((size, size, 3), np.uint8), mask)
    result = Elastic(alpha, sigma, 0.0)(sample, np.random.default_rng(3))
    for y, x in ((12, 12), (5, 17), (20, 3), (0, 10), (23, 23)):
        source = x + alpha * smooth_at(noise_x, y, x)
        folded = abs(source) if source < size - 1 else 2 * (size - 1) - source
        assert result.mask[y, x] == pytest.approx(folded, abs=0.51)


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
        ("random_resized_crop", {"scale": [1.0, 0.5]}, "the first number is the larger one"),
        ("clahe", {"clip_limit": [4.0, 1.0]}, "the first number is the larger one"),
        ("gamma", {"limits": [120.0, 80.0]}, "the first number is the larger one"),
    ],
)
def test_wrong_parameters_are_refused(
    name: str, parameters: dict[str, object], message: str, registry: Registry
) -> None:
    with pytest.raises(UsageError, match=message):
        make(registry, name, **parameters)
