from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.data.labels import LabelMap
from toolkit.data.masks import paint_mask
from toolkit.data.object_facts import ObjectFact, object_boxes, object_facts, object_pixels
from toolkit.data.resize import Size, is_kept, resize_labels
from toolkit.data.split import Split
from toolkit.plugin.reader import Annotation, ImageRecord, MaskFile, MaskTable

LABELS = LabelMap(("Background", "paper", "metal"), {5: 1, 9: 2})


def split_of(record: ImageRecord, root: Path) -> Split:
    return Split("train", root / "train", root, (record,), LABELS, "max-id", 255, "")


def box(
    category: int, x: int, y: int, width: int, height: int, ignored: bool = False
) -> Annotation:
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    return Annotation(category, [[float(each) for each in corners]], 0.0, False, 1, ignored=ignored)


def painted(split: Split) -> NDArray[np.uint8]:
    return paint_mask(split.images[0], split.labels, split.overlap, split.ignore_index)


@pytest.mark.parametrize("size", [(7, 5), (10, 40), (50, 60), (24, 31), (3, 90)])
def test_an_object_is_kept_as_resizing_keeps_it(size: Size) -> None:
    rng = np.random.default_rng(size[0])
    kept = []
    for _ in range(200):
        shown = np.zeros((24, 31), np.bool_)
        top, left = rng.integers(24), rng.integers(31)
        shown[top : top + rng.integers(5), left : left + rng.integers(8)] = True
        kept.append(is_kept(shown, size))
        assert kept[-1] == resize_labels(shown.astype(np.uint8), size).any()
    assert 0 < sum(kept) < 200


def test_annotations_are_objects_hidden_or_not_and_ignored_ones_are_none(tmp_path: Path) -> None:
    annotations = (
        box(9, 0, 0, 8, 8),
        box(5, 2, 2, 3, 1),  # below the larger label: hidden, but an object
        box(5, 0, 0, 40, 40, ignored=True),
        box(5, 30, 10, 1, 1),
    )
    split = split_of(ImageRecord(1, "a.png", 40, 40, annotations), tmp_path)
    found = object_facts(split, 0, painted(split), (10, 10))
    assert found == [
        ObjectFact(2, 64, 0, is_lost=False),
        ObjectFact(1, 3, 1, is_lost=True),
        ObjectFact(1, 1, 3, is_lost=True),
    ]
    assert not any(fact.is_lost for fact in object_facts(split, 0, painted(split), None))
    for fact in found:
        assert object_pixels(split, 0, painted(split), fact).sum() == fact.area
    boxes = object_boxes(split, 0, painted(split), found)
    assert boxes == [(0, 0, 8, 8), (2, 2, 3, 1), (30, 10, 1, 1)]


def test_an_object_without_an_outline_has_no_pixel(tmp_path: Path) -> None:
    nothing = Annotation(5, [], 0.0, False, 1)
    split = split_of(ImageRecord(1, "a.png", 8, 8, (nothing,)), tmp_path)
    assert object_facts(split, 0, painted(split), (4, 4)) == [ObjectFact(1, 0, 0, is_lost=True)]
    facts = object_facts(split, 0, painted(split), None)
    assert object_boxes(split, 0, painted(split), facts) == [(0, 0, 0, 0)]


def regions_by_hand(mask: NDArray[np.uint8]) -> list[tuple[int, list[tuple[int, int]]]]:
    """The 8-connected regions of every label but the background, by flooding pixel after pixel."""
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(mask), strict=True)}
    found = []
    while left:
        start = left.pop()
        region, border = {start}, [start]
        while border:
            row, column = border.pop()
            for near in [
                (row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)
            ]:
                if near in left and mask[near] == mask[start]:
                    left.remove(near)
                    region.add(near)
                    border.append(near)
        found.append((int(mask[start]), sorted(region)))
    return found


def test_regions_of_a_mask_stand_for_objects(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 3, (9, 12), dtype=np.uint8)
    mask = np.asarray(cv2.resize(noise, (36, 27), interpolation=cv2.INTER_NEAREST), np.uint8)
    mask[rng.random(mask.shape) < 0.1] = 1
    mask[:3] = 255  # ignored: no object
    file = MaskFile(tmp_path / "a.png", MaskTable({0: "background", 1: 5, 2: 9}))
    split = split_of(ImageRecord(1, "a.png", 36, 27, mask=file), tmp_path)
    size = (9, 10)
    found = object_facts(split, 0, mask, size)
    expected = regions_by_hand(np.where(mask == 255, 0, mask).astype(np.uint8))
    shown = [
        (fact.label, sorted(zip(*(each.tolist() for each in np.nonzero(pixels)), strict=True)))
        for fact in found
        for pixels in [object_pixels(split, 0, mask, fact)]
    ]
    assert sorted(shown) == sorted(expected)
    for fact, (left, top, width, height) in zip(
        found, object_boxes(split, 0, mask, found), strict=True
    ):
        alone = object_pixels(split, 0, mask, fact).astype(np.uint8)
        rows, columns = np.nonzero(alone)
        assert (left, left + width - 1) == (columns.min(), columns.max())
        assert (top, top + height - 1) == (rows.min(), rows.max())
        assert fact.area == alone.sum()
        assert fact.is_lost == (not resize_labels(alone, size).any())
    assert {fact.is_lost for fact in found} == {True, False}
