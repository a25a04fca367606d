from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.ensemble.combine import combine_stores
from toolkit.ensemble.combiners import Mean
from toolkit.errors import TrashError, UsageError


@dataclass
class Memory:
    """Maps in memory that count how many of them are alive."""

    value: float
    class_names: tuple[str, ...] = ("Background", "Paper")
    file_names: tuple[str, ...] = ("a.jpg", "b.jpg", "c.jpg")
    sizes: tuple[tuple[int, int], ...] = ((1, 2), (3, 1), (2, 2))
    reads: list[int] = field(default_factory=list)

    def read(self, position: int) -> NDArray[np.float32]:
        self.reads.append(position)
        found = np.full((2, *self.sizes[position]), self.value, np.float32)
        found[1] = 1 - self.value
        return found


def test_maps_are_combined_image_by_image() -> None:
    stores = [Memory(0.2), Memory(0.6)]
    combined = combine_stores(stores, Mean([1, 3]))
    first = next(combined)
    assert [store.reads for store in stores] == [[0], [0]]
    np.testing.assert_allclose(first, np.array([[[0.5, 0.5]], [[0.5, 0.5]]]))
    assert [each.shape for each in combined] == [(2, 3, 1), (2, 2, 2)]


def test_order_of_images_and_every_members_map_are_passed_on() -> None:
    seen: list[tuple[int, int, float]] = []

    def look(member: int, position: int, each: np.ndarray) -> None:
        seen.append((member, position, round(float(each[0, 0, 0]), 3)))

    combined = combine_stores([Memory(0.2), Memory(0.6)], Mean(), [2, 0], look)
    assert [each.shape for each in combined] == [(2, 2, 2), (2, 1, 2)]
    assert seen == [(0, 2, 0.2), (1, 2, 0.6), (0, 0, 0.2), (1, 0, 0.6)]


@pytest.mark.parametrize(
    "wrong", [np.zeros((1, 2)), np.full((2, 1, 2), np.nan), None, np.zeros((3, 1, 2))]
)
def test_an_ensembler_that_returns_no_map_is_refused(wrong: object) -> None:
    combined = combine_stores([Memory(0.2)], lambda maps: wrong)  # type: ignore[arg-type, return-value]
    with pytest.raises(TrashError, match="the ensembler returned"):
        next(combined)


def test_members_that_an_ensembler_leaves_out_are_looked_at_too() -> None:
    seen = []
    combined = combine_stores(
        [Memory(0.2), Memory(0.6)],
        lambda maps: next(iter(maps)),
        [0],
        lambda member, position, each: seen.append(member),
    )
    assert len(list(combined)) == 1
    assert seen == [0, 1]


def test_members_are_not_held_together() -> None:
    stores = [Memory(0.1) for _ in range(5)]
    open_at_once = []

    def ensembler(maps: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        found = []
        for each in maps:
            found.append(each)
            open_at_once.append(sum(len(store.reads) for store in stores))
        return found[-1]

    next(combine_stores(stores, ensembler))
    assert open_at_once == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": ("Paper", "Background")}, "classes: it has another order"),
        ({"class_names": ("Background", "Glass")}, "classes: it lacks Paper"),
        ({"file_names": ("a.jpg", "b.jpg", "d.jpg")}, "images: it also has d.jpg"),
        ({"file_names": ("a.jpg", "b.jpg")}, "images: it lacks c.jpg"),
        ({"sizes": ((1, 2), (1, 3), (2, 2))}, r"b\.jpg is \(1, 3\) instead of \(3, 1\)"),
    ],
)
def test_members_that_differ_are_refused_before_anything_is_read(
    change: dict[str, tuple[str, ...]], message: str
) -> None:
    stores = [Memory(0.5), Memory(0.5), replace(Memory(0.5), **change)]
    with pytest.raises(UsageError, match=message) as caught:
        combine_stores(stores, Mean())
    assert "member 3" in caught.value.message
    assert "member 2" not in caught.value.message
    assert not stores[0].reads


def test_no_store_is_refused() -> None:
    with pytest.raises(UsageError, match="no member"):
        combine_stores([], Mean())
