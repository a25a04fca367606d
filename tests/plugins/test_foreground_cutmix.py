from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit import Context, Sample, UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Mix
from toolkit.plugin.registry import Registry

IGNORED = 255


def make(registry: Registry, **parameters: Any) -> Mix:
    spec = ComponentSpec(name="foreground_cutmix", **parameters)
    mix: Mix = registry.build("mix", spec, Context(("Background", "Paper")))
    return mix


def of_value(value: int, mask: NDArray[np.uint8]) -> Sample:
    return Sample(np.full((*mask.shape, 3), value, np.uint8), mask)


def partner() -> Sample:
    """Foreground in rows 5 to 14 and columns 20 to 39, an ignored pixel far from it."""
    mask = np.zeros((30, 50), np.uint8)
    mask[5:15, 20] = mask[5, 20:40] = 1
    mask[29, 0] = IGNORED
    return of_value(200, mask)


def apply_mix(mix: Mix, other: Sample, seed: int = 0) -> Sample:
    own = of_value(10, np.zeros((30, 50), np.uint8))
    return mix(own, other, np.random.default_rng(seed), np.random.default_rng(0))


@pytest.mark.parametrize(("side", "size"), [(0.9, (9, 18)), (0.5, (5, 10)), (0.01, (1, 1))])
def test_the_box_has_its_share_of_the_foregrounds_sides_and_lies_on_it(
    side: float, size: tuple[int, int], registry: Registry
) -> None:
    corners = set()
    for seed in range(60):
        result = apply_mix(make(registry, side=side), partner(), seed)
        rows, columns = np.nonzero(result.image[..., 0] == 200)
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == size
        assert rows.size == size[0] * size[1], "all of the box is pasted"
        assert set(rows) <= set(range(5, 15))
        assert set(columns) <= set(range(20, 40))
        box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
        np.testing.assert_array_equal(result.mask[box], partner().mask[box])
        corners.add((int(rows.min()), int(columns.min())))
    assert len(corners) > 3, "it lies at random places"


def test_the_whole_bounding_box_is_pasted_with_all_of_its_sides(registry: Registry) -> None:
    result = apply_mix(make(registry, side=1.0), partner())
    assert (result.image[5:15, 20:40] == 200).all()
    assert np.count_nonzero(result.image[..., 0] == 200) == 200


def test_without_foreground_nothing_is_pasted(registry: Registry) -> None:
    mask = np.zeros((30, 50), np.uint8)
    mask[3, 3] = IGNORED
    result = apply_mix(make(registry), of_value(200, mask))
    assert (result.image == 10).all()
    assert (result.mask == 0).all()


def test_wrong_sides_are_told(registry: Registry) -> None:
    for side in (0.0, 1.1):
        with pytest.raises(UsageError, match="side"):
            make(registry, side=side)
