"""AugMix: its operations and its mixture against plain float64 arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit import Sample
from toolkit.builtins.augmentations import augmix
from toolkit.builtins.augmentations.augmix import OPERATIONS, AugMix


def photo() -> np.ndarray:
    """An image of dull colours, uint8 (20, 24, 3)."""
    rng = np.random.default_rng(0)
    return rng.integers(30, 200, (20, 24, 3), dtype=np.uint8)


def up_or_down(level: float, seed: int) -> float:
    return 1 + 0.9 * level * (1 if np.random.default_rng(seed).random() < 0.5 else -1)


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255)


def grey(image: np.ndarray) -> np.ndarray:
    return np.rint(image @ np.array([0.299, 0.587, 0.114]))


def equalized(image: np.ndarray) -> np.ndarray:
    """A value becomes its rank among the channel's pixels, the lowest 0 and the highest 255."""
    result = np.empty(image.shape)
    for channel in range(3):
        values = image[..., channel]
        lowest = (values == values.min()).sum()
        for y in range(values.shape[0]):
            for x in range(values.shape[1]):
                rank = (values <= values[y, x]).sum() - lowest
                result[y, x, channel] = rank * 255 / (values.size - lowest)
    return as_bytes(result)


def sharpened(image: np.ndarray, factor: float) -> np.ndarray:
    weights = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    padded = np.pad(image.astype(float), ((1, 1), (1, 1), (0, 0)), mode="reflect")
    smooth = np.zeros(image.shape)
    for dy in range(3):
        for dx in range(3):
            smooth += weights[dy, dx] * padded[dy : dy + 20, dx : dx + 24]
    return as_bytes(np.rint(smooth) + factor * (image - np.rint(smooth)))


def expected_of(name: str, image: np.ndarray, level: float, seed: int) -> np.ndarray:
    factor = up_or_down(level, seed)
    values = image.astype(float)
    low, high = values.min((0, 1)), values.max((0, 1))
    mean = np.rint(grey(values).mean())
    bits = max(1, 4 - int(4 * level))
    return {
        "autocontrast": lambda: as_bytes((values - low) * 255 / (high - low)),
        "equalize": lambda: equalized(image),
        "posterize": lambda: values // 2 ** (8 - bits) * 2 ** (8 - bits),
        "solarize": lambda: np.where(values >= 256 - int(256 * level), 255 - values, values),
        "brightness": lambda: as_bytes(values * factor),
        "contrast": lambda: as_bytes(mean + factor * (values - mean)),
        "colour": lambda: as_bytes(grey(values)[..., None] * (1 - factor) + factor * values),
        "sharpness": lambda: sharpened(image, factor),
    }[name]()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("level", [0.1, 0.3, 1.0])
def test_an_operation_matches_its_definition(operation, level: float) -> None:
    image = photo()
    before = image.copy()
    for seed in range(4):
        result = operation(image, level, np.random.default_rng(seed))
        assert result.dtype == np.uint8
        expected = expected_of(operation.__name__, image, level, seed)
        # Sums are rounded once more or once less.
        np.testing.assert_allclose(result, expected, atol=1)
        assert (result == expected).mean() > 0.8
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_an_operation_takes_an_image_of_one_colour(operation) -> None:
    image = np.full((5, 7, 3), 90, np.uint8)
    result = operation(image, 0.3, np.random.default_rng(0))
    assert (result == result[0, 0]).all()


def test_the_result_is_the_weighted_sum_of_image_and_chains() -> None:
    image, mask = photo(), np.full((20, 24), 3, np.uint8)
    for seed in range(12):
        mixed = AugMix(3, (1, 3), 4.0, 0.7)(Sample(image, mask), np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        weights, blend = rng.dirichlet([0.7, 0.7, 0.7]), rng.beta(0.7, 0.7)
        expected = (1 - blend) * image.astype(float)
        for weight in weights:
            chained = image
            for _ in range(rng.integers(1, 4)):
                operation = OPERATIONS[rng.integers(len(OPERATIONS))]
                chained = operation(chained, rng.uniform(0.1, 4.0) / 10, rng)
            expected += blend * weight * chained
        np.testing.assert_allclose(mixed.image, expected, atol=0.5 + 1e-3)
        np.testing.assert_array_equal(mixed.mask, mask)


@pytest.mark.parametrize("depth", [(1, 1), (2, 4)])
def test_a_chain_has_as_many_operations_as_its_depth_allows(
    depth: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts, levels = [], []

    def count(image, level, rng):
        counts[-1] += 1
        levels.append(level)
        return image

    monkeypatch.setattr(augmix, "OPERATIONS", (count,))
    sample = Sample(photo(), np.zeros((20, 24), np.uint8))
    for seed in range(60):
        counts.append(0)
        result = AugMix(1, depth, 6.0, 1.0)(sample, np.random.default_rng(seed))
        # Nothing but rounding is left of operations that do nothing.
        np.testing.assert_array_equal(result.image, sample.image)
    assert set(counts) == set(range(depth[0], depth[1] + 1))
    assert 0.01 <= min(levels) < 0.06
    assert 0.54 < max(levels) <= 0.6


def test_every_operation_occurs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()

    def noted(operation):
        def run(image, level, rng):
            seen.add(operation.__name__)
            return operation(image, level, rng)

        return run

    monkeypatch.setattr(augmix, "OPERATIONS", tuple(map(noted, OPERATIONS)))
    sample = Sample(photo(), np.zeros((20, 24), np.uint8))
    for seed in range(20):
        AugMix(3, (1, 3), 3.0, 1.0)(sample, np.random.default_rng(seed))
    assert seen == {operation.__name__ for operation in OPERATIONS}
