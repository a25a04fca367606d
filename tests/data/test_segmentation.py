from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from toolkit.data.segmentation import defects, encode, why_empty
from toolkit.errors import UsageError

HEIGHT, WIDTH = 6, 8


def kinds(segmentation: Any) -> list[tuple[str, str]]:
    return [(d.kind, d.detail) for d in defects(segmentation, HEIGHT, WIDTH)]


def decode_outline(segmentation: Any) -> np.ndarray:
    return coco_mask.decode(encode(segmentation, HEIGHT, WIDTH))


def counts_of(mask: np.ndarray) -> list[int]:
    """Run lengths of a mask, column by column, beginning with zeros."""
    counts, value = [0], 0
    for pixel in mask.T.ravel():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


masks = st.lists(st.integers(0, 1), min_size=HEIGHT * WIDTH, max_size=HEIGHT * WIDTH).map(
    lambda values: np.array(values, dtype=np.uint8).reshape(HEIGHT, WIDTH)
)


@given(mask=masks)
def test_both_kinds_of_rle_give_the_mask_back(mask: np.ndarray) -> None:
    plain = {"size": [HEIGHT, WIDTH], "counts": counts_of(mask)}
    packed = coco_mask.encode(np.asfortranarray(mask))
    compressed = {"size": [HEIGHT, WIDTH], "counts": packed["counts"].decode()}
    np.testing.assert_array_equal(decode_outline(plain), mask)
    np.testing.assert_array_equal(decode_outline(compressed), mask)


def test_several_polygons_are_one_object() -> None:
    two = [[0, 0, 2, 0, 2, 2, 0, 2], [4, 0, 6, 0, 6, 2, 4, 2]]
    assert (
        decode_outline(two).sum()
        == decode_outline(two[:1]).sum() + decode_outline(two[1:]).sum()
        == 8
    )
    assert kinds(two) == []


@pytest.mark.parametrize("nothing", [[], None, [[1, 2, 3, 4]], [[1, 2]]])
def test_less_than_a_triangle_covers_nothing_and_is_reported(nothing: Any) -> None:
    assert decode_outline(nothing).sum() == 0
    assert kinds(nothing)


def test_degenerate_parts_do_not_spoil_the_others() -> None:
    whole = [[0, 0, 3, 0, 3, 3, 0, 3]]
    np.testing.assert_array_equal(decode_outline([[1, 2, 3, 4], *whole]), decode_outline(whole))


@pytest.mark.parametrize(
    ("segmentation", "said"),
    [
        ([[1, 2, 3, 4, 5, 6, 7]], "odd number of coordinates"),
        ([[1, 2, 3, math.nan, 5, 6]], "NaN"),
        ([[1, 2, 3, math.inf, 5, 6]], "infinite"),
        ([[1, 2, 3, "4", 5, 6]], "not a number"),
        ([[1, 2, 1e9, 4, 5, 6]], "far outside"),
        ([1, 2, 3, 4, 5, 6], "list of lists"),
        ({"size": [WIDTH, HEIGHT], "counts": [48]}, "size .height, width. is"),
        ({"size": [HEIGHT, WIDTH], "counts": [40]}, "add up to 40"),
        ({"size": [HEIGHT, WIDTH], "counts": [-8, 56]}, "integers of 0 or more"),
        ({"size": [HEIGHT, WIDTH], "counts": "zzzz"}, "cannot be decoded"),
        ({"size": [HEIGHT, WIDTH]}, "must be a list or a text"),
        ({}, "size .height, width. is None"),
    ],
)
def test_outlines_without_meaning_are_refused_and_reported(segmentation: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        encode(segmentation, HEIGHT, WIDTH)
    (found,) = [d for d in defects(segmentation, HEIGHT, WIDTH) if d.fatal]
    assert not found.harmless


@pytest.mark.parametrize(
    ("segmentation", "kind", "said"),
    [
        ([[1, 1, 3, 3, 5, 5]], "bad polygon", "zero area"),
        ([[20, 1, 30, 1, 30, 5]], "bad polygon", "outside the image of 8x6"),
        ([[-9, 1, -2, 1, -2, 5]], "bad polygon", "outside the image"),
        ([[1, 1, 12, 1, 3, 4]], "polygon leaves the image", "x 1…12"),
        ({"size": [HEIGHT, WIDTH], "counts": [48]}, "bad RLE", "covers no pixel"),
    ],
)
def test_odd_outlines_are_reported_but_painted(segmentation: Any, kind: str, said: str) -> None:
    ((found_kind, detail),) = kinds(segmentation)
    assert found_kind == kind
    assert said in detail
    assert decode_outline(segmentation).shape == (HEIGHT, WIDTH)


def test_a_polygon_may_touch_the_border() -> None:
    assert kinds([[0, 0, WIDTH, 0, WIDTH + 0.5, HEIGHT, 0, HEIGHT]]) == []


coordinates = st.floats(-20, 20) | st.integers(-20, 20)


@given(st.lists(st.lists(coordinates, max_size=9), max_size=3))
def test_any_polygon_is_painted_or_refused(polygons: list[list[float]]) -> None:
    if any(len(polygon) % 2 for polygon in polygons):
        with pytest.raises(UsageError):
            encode(polygons, HEIGHT, WIDTH)
    else:
        assert set(np.unique(decode_outline(polygons))) <= {0, 1}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_compressed_counts_are_read_as_pycocotools_wrote_them(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    mask = np.frombuffer(
        data.draw(st.binary(min_size=height * width, max_size=height * width)), np.uint8
    )
    mask = np.asfortranarray((mask > 200).reshape(height, width).astype(np.uint8))
    packed = coco_mask.encode(mask)["counts"].decode()
    found = list(defects({"size": [height, width], "counts": packed}, height, width))
    assert [defect.kind for defect in found if defect.fatal] == []
    assert bool(found) == (not mask.any())
    shorter = {"size": [height, width], "counts": packed[:-1]}
    assert any(defect.fatal for defect in defects(shorter, height, width))


@pytest.mark.parametrize(
    "counts", ["", "0", "\x00", "~~~~~~~~", "1", "abc", "\ud800", "é", "o" * 40, "PPYo0", "P\x00"]
)
def test_damaged_compressed_counts_are_never_decoded(counts: str) -> None:
    # pycocotools 2.0.11 returns pieces of foreign memory for some of these, or crashes.
    (defect,) = defects({"size": [48, 48], "counts": counts}, 48, 48)
    assert defect.fatal


@pytest.mark.parametrize("value", [10**400, -(10**400), float("nan"), float("inf"), "1", None])
def test_a_coordinate_of_any_kind_is_one_defect(value: object) -> None:
    (defect,) = defects([[1, 2, value, 4, 5, 6]], 48, 48)
    assert defect.fatal


def test_a_size_of_floats_is_the_same_size() -> None:
    rle = encode({"size": [4.0, 4.0], "counts": [4, 4, 8]}, 4, 4)
    assert coco_mask.decode(rle).sum() == 4


EIGHT = [0, 0, 5, 5, 5, 0, 0, 5]


@pytest.mark.parametrize(
    ("segmentation", "why"),
    [
        (None, "no outline"),
        ([], "no outline"),
        ([[]], "fewer than 3 points (0)"),
        ([[1, 1], [5, 1], [5, 4]], "a list of 3 points"),
        ([[1, 1, 5, 4]], "fewer than 3 points (2)"),
        ([[1, 1, 3, 3, 5, 5]], "zero area"),
        ([[0.1, 0.1, 0.3, 0.3, 0.7, 0.7]], "zero area"),
        ([[20, 1, 30, 1, 30, 5]], "outside the image"),
        ([[1, 7, 4, 7, 4, 9]], "outside the image"),
        ([[1, 1, 5, 4], [20, 1, 30, 1, 30, 5]], "fewer than 3 points"),
        ({"size": [HEIGHT, WIDTH], "counts": [48]}, "covers no pixel"),
        ({"size": [HEIGHT, WIDTH], "counts": [20, 0, 28]}, "covers no pixel"),
    ],
)
def test_why_an_outline_covers_no_pixel(segmentation: Any, why: str) -> None:
    assert decode_outline(segmentation).sum() == 0
    assert why in why_empty(segmentation, HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "segmentation",
    [
        [EIGHT],
        [[1, 1, 5, 4], [0, 0, 3, 0, 3, 3]],
        [[-5, -5, 20, -5, 20, 20]],
        {"size": [HEIGHT, WIDTH], "counts": [20, 1, 27]},
    ],
)
def test_an_outline_with_a_pixel_is_not_empty(segmentation: Any) -> None:
    assert decode_outline(segmentation).sum() > 0
    assert why_empty(segmentation, HEIGHT, WIDTH) == ""


def test_an_outline_smaller_than_a_pixel_is_no_mistake() -> None:
    """As annotation 85 of the bags: 0.4 square pixels between the centres of pixels."""
    tiny = [[1.1, 1.1, 1.3, 1.1, 1.3, 1.3]]
    assert decode_outline(tiny).sum() == 0
    assert why_empty(tiny, HEIGHT, WIDTH) == ""


coordinates = st.one_of(st.integers(-4, 12), st.floats(-4, 12, allow_nan=False))


@settings(max_examples=150, deadline=None)
@given(polygons=st.lists(st.lists(coordinates, max_size=10), max_size=3))
def test_only_outlines_without_a_pixel_are_called_empty(polygons: list[list[float]]) -> None:
    why = why_empty(polygons, HEIGHT, WIDTH)
    if why:
        assert decode_outline(polygons).sum() == 0
