"""Calibration against counting pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.metrics.calibration import N_BINS, CalibrationSums

IGNORE = 255


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_classes=st.integers(1, 6),
    n_images=st.integers(0, 4),
    ignored=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_it_is_that_of_single_pixels(
    seed: int, n_classes: int, n_images: int, ignored: float
) -> None:
    rng = np.random.default_rng(seed)
    sums = CalibrationSums(n_classes, IGNORE)
    found: list[tuple[float, bool]] = []
    true: dict[int, list[float]] = {label: [] for label in range(n_classes)}
    for _ in range(n_images):
        size = tuple(rng.integers(1, 9, 2))
        maps = rng.random((n_classes, *size)).astype(np.float32) ** 3
        maps /= maps.sum(0)
        target = rng.integers(0, n_classes, size).astype(np.uint8)
        target[rng.random(size) < ignored] = IGNORE
        sums.add(maps, target)
        for pixel in np.ndindex(*size):
            if target[pixel] == IGNORE:
                continue
            values = [float(maps[(label, *pixel)]) for label in range(n_classes)]
            predicted = values.index(max(values))
            found.append((values[predicted], predicted == target[pixel]))
            true[int(target[pixel])].append(values[target[pixel]])
    result = sums.result()
    gaps = 0.0
    for number in range(N_BINS):
        own = [
            each for each in found if min(int(np.float32(each[0]) * N_BINS), N_BINS - 1) == number
        ]
        assert result.pixels[number] == len(own)
        assert result.right[number] == sum(right for _, right in own)
        if own:
            confidence = sum(value for value, _ in own) / len(own)
            assert result.confidence[number] == pytest.approx(confidence, rel=1e-6)
            gaps += abs(sum(value for value, _ in own) - sum(right for _, right in own))
    if found:
        assert result.error == pytest.approx(gaps / len(found), abs=1e-6)
    else:
        assert math.isnan(result.error)
    for label, values in true.items():
        assert result.true_pixels[label] == len(values)
        mean = result.true_probability[label]
        assert math.isnan(mean) if not values else mean == pytest.approx(np.mean(values), rel=1e-6)


def test_one_who_is_always_sure_and_half_right_is_off_by_a_half() -> None:
    sums = CalibrationSums(2, IGNORE)
    maps = np.zeros((2, 1, 10), np.float32)
    maps[1] = 1
    sums.add(maps, np.array([[0, 1] * 5], np.uint8))
    assert sums.result().error == 0.5
    assert sums.result().true_probability.tolist() == [0, 1]
