from __future__ import annotations

import numpy as np
import pytest

from toolkit.data.drift import kolmogorov_smirnov, property_drifts


def test_the_distance_is_the_largest_gap_between_the_distributions() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        one = rng.integers(0, 9, rng.integers(1, 30)).astype(float)
        other = rng.integers(2, 12, rng.integers(1, 30)).astype(float)
        gaps = [abs((one <= value).mean() - (other <= value).mean()) for value in range(-1, 13)]
        assert kolmogorov_smirnov(one, other) == pytest.approx(max(gaps), abs=1e-12)


def test_equal_splits_are_told_to_differ_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(1)
    told = 0
    for _ in range(400):
        one, other = ({f"{n}": rng.normal(size=size) for n in range(6)} for size in (40, 60))
        told += any(each.is_told for each in property_drifts(one, other))
    assert told <= 400 * 0.05


def test_what_differs_is_told_and_nan_has_no_part_in_it() -> None:
    rng = np.random.default_rng(2)
    same, brighter = rng.normal(100, 10, 80), rng.normal(130, 10, 80)
    nothing = np.full(80, np.nan)
    brighter[:5] = np.nan
    found = property_drifts(
        {"brightness": same, "contrast": same, "saturation": same},
        {"brightness": brighter, "contrast": same + 0.1, "saturation": nothing},
    )
    assert [(each.name, each.is_told) for each in found] == [
        ("brightness", True),
        ("contrast", False),
    ]
    assert found[0].medians[0] < 110 < 120 < found[0].medians[1]


def test_splits_of_single_photos_are_not_told_to_differ() -> None:
    (found,) = property_drifts({"brightness": np.array([1.0])}, {"brightness": np.array([200.0])})
    assert (found.distance, found.by_chance, found.is_told) == (1.0, 1.0, False)
