from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from pycocotools.coco import COCO

from toolkit.data.coco import read_coco
from toolkit.data.labels import LabelMap, make_label_map
from toolkit.data.masks import open_masks, open_resized, paint_mask
from toolkit.data.resize import resize_labels
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.plugin.reader import Annotation, ImageRecord
from toolkit.progress import SilentProgress

LABELS = LabelMap(("Background", "a", "b", "c"), {10: 1, 20: 2, 30: 3})
QUIET = SilentProgress()


def square(category_id: int, x: int, side: int) -> Annotation:
    outline = [[x, 0, x + side, 0, x + side, side, x, side]]
    return Annotation(category_id, outline, float(side**2), False, category_id)


def paint(overlap: str, *annotations: Annotation) -> np.ndarray:
    return paint_mask(ImageRecord(1, "a.jpg", 12, 6, annotations), LABELS, overlap, 255)


def test_max_id_lets_the_larger_label_win_in_any_order() -> None:
    small, large = square(10, 2, 2), square(30, 0, 5)
    for order in ((small, large), (large, small)):
        mask = paint("max-id", *order)
        assert mask[0, 3] == 3
        assert set(np.unique(mask)) == {0, 3}


def test_area_lets_the_smaller_object_win_in_any_order() -> None:
    small, large = square(10, 2, 2), square(30, 0, 5)
    for order in ((small, large), (large, small)):
        mask = paint("area", *order)
        assert (mask == 1).sum() == 4
        assert (mask == 3).sum() == 21


def test_area_is_that_of_the_pixels_not_of_the_file() -> None:
    small, large = square(10, 2, 2), replace(square(30, 0, 5), area=0.0)
    assert (paint("area", small, large) == 1).sum() == 4


def test_order_lets_the_later_annotation_win() -> None:
    first, second = square(30, 0, 4), square(10, 2, 4)
    assert paint("order", first, second)[0].tolist() == [3, 3, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert paint("order", second, first)[0].tolist() == [3, 3, 3, 3, 1, 1, 0, 0, 0, 0, 0, 0]
    between = (square(10, 0, 4), square(20, 0, 4), square(10, 2, 4))
    assert paint("order", *between)[0, :6].tolist() == [2, 2, 1, 1, 1, 1]


def test_crowds_are_painted_like_objects() -> None:
    rle = {"size": [6, 12], "counts": [0, 6, 66]}
    mask = paint("max-id", Annotation(20, rle, 6.0, True, 1))
    assert (mask == 2).sum() == 6
    assert (mask[:, 0] == 2).all()


def test_the_mask_is_uint8_rows_by_columns() -> None:
    mask = paint("max-id")
    assert mask.shape == (6, 12)
    assert mask.dtype == np.uint8
    assert mask.flags.c_contiguous


def test_an_unpaintable_annotation_is_named() -> None:
    broken = Annotation(10, [[1, 2, 3]], 1.0, False, 4711)
    with pytest.raises(UsageError, match=r"annotation 4711 of a\.jpg: bad polygon: odd"):
        paint("max-id", broken)
    with pytest.raises(UsageError, match="category id 99 is not in the class list"):
        paint("max-id", Annotation(99, [], 1.0, False, 1))


def test_the_ignore_index_must_not_be_a_label() -> None:
    with pytest.raises(UsageError, match="ignore_index = 3"):
        paint_mask(ImageRecord(1, "a.jpg", 2, 2), LABELS, "max-id", 3)


@pytest.mark.parametrize("overlap", ["max-id", "area", "order"])
@pytest.mark.parametrize("name", ["taco/train", "taco/val", "bags/val"])
def test_real_masks_equal_the_slow_reference(
    taco_root: Path, bags_root: Path, name: str, overlap: str
) -> None:
    path = taco_root.parent / f"{name}.json"
    coco = read_coco(path)
    labels = make_label_map(coco.categories, None, "Background")
    reference = COCO(str(path))
    for record in coco.images[::4]:
        annotations = reference.loadAnns(reference.getAnnIds(record.image_id))
        pieces = [(labels.label_of[a["category_id"]], reference.annToMask(a)) for a in annotations]
        expected = np.zeros((record.height, record.width), dtype=np.uint8)
        if overlap == "area":
            pieces.sort(key=lambda piece: -int(piece[1].sum()))
        for label, piece in pieces:
            if overlap == "max-id":
                expected = np.maximum(expected, piece * label)
            else:
                expected[piece == 1] = label
        np.testing.assert_array_equal(paint_mask(record, labels, overlap, 255), expected)


def paint_all(split: Split) -> list[np.ndarray]:
    return [
        paint_mask(record, split.labels, split.overlap, split.ignore_index)
        for record in split.images
    ]


def test_cached_masks_are_the_painted_ones(train_split: Split, cache: Path) -> None:
    store = open_masks(train_split, cache, None, QUIET)
    expected = paint_all(train_split)
    for index, mask in enumerate(expected):
        np.testing.assert_array_equal(store[index], mask)
    counts = np.bincount(np.concatenate(expected, axis=None), minlength=4)
    np.testing.assert_array_equal(store.pixel_counts, counts)


def test_resized_masks_lie_over_their_photos(train_split: Split, cache: Path) -> None:
    store = open_masks(train_split, cache, (8, 8), QUIET)
    as_files = open_masks(train_split, cache, (8, 8), QUIET, nearest="corner")
    for index, mask in enumerate(paint_all(train_split)):
        np.testing.assert_array_equal(store[index], resize_labels(mask, (8, 8)))
        np.testing.assert_array_equal(as_files[index], mask[::3, ::4])
        assert not np.array_equal(store[index], as_files[index])
    assert store.pixel_counts.sum() == len(train_split) * 8 * 8


def test_masks_of_other_sizes_are_resized_once(cache: Path) -> None:
    rng = np.random.default_rng(0)
    masks = [rng.integers(0, 3, size, np.uint8) for size in ((8, 8), (5, 9), (16, 12))]
    masks[1][:] = 255
    store = open_resized(masks, "key", cache, (8, 8), QUIET)
    for index, mask in enumerate(masks):
        np.testing.assert_array_equal(store[index], resize_labels(mask, (8, 8)))
    (path,) = files(cache)
    changed_at = path.stat().st_mtime_ns
    open_resized(masks, "key", cache, (8, 8), QUIET)
    assert path.stat().st_mtime_ns == changed_at
    open_resized(masks, "another key", cache, (8, 8), QUIET)
    open_resized(masks, "key", cache, (4, 8), QUIET)
    assert len(files(cache)) == 3
    with patch("toolkit.data.masks.RESIZING", 1):
        open_resized(masks, "key", cache, (8, 8), QUIET)
    assert len(files(cache)) == 4


def test_masks_that_were_resized_by_another_rule_are_not_found(
    train_split: Split, cache: Path
) -> None:
    with patch("toolkit.data.masks.RESIZING", 1):
        open_masks(train_split, cache, (12, 16), QUIET)
    open_masks(train_split, cache, (12, 16), QUIET)
    open_masks(train_split, cache, (12, 16), QUIET, nearest="corner")
    open_masks(train_split, cache, (12, 16), QUIET, nearest="centre")
    assert len(files(cache)) == 4


def files(cache: Path) -> set[Path]:
    return {path for path in cache.rglob("*") if path.is_file()}


def test_masks_are_painted_once_and_again_when_anything_changes(
    train_split: Split, cache: Path
) -> None:
    open_masks(train_split, cache, None, QUIET)
    (first,) = files(cache)
    changed_at = first.stat().st_mtime_ns
    open_masks(train_split, cache, None, QUIET)
    assert files(cache) == {first}
    assert first.stat().st_mtime_ns == changed_at
    other_labels = LabelMap(train_split.labels.class_names, {3: 2, 7: 1, 40: 3})
    for number, changed in enumerate(
        (
            replace(train_split, digest="other"),
            replace(train_split, overlap="order"),
            replace(train_split, labels=other_labels),
        ),
        start=2,
    ):
        open_masks(changed, cache, None, QUIET)
        assert len(files(cache)) == number
    open_masks(train_split, cache, (24, 32), QUIET)
    assert len(files(cache)) == 5


def test_a_truncated_cache_is_painted_again(train_split: Split, cache: Path) -> None:
    open_masks(train_split, cache, None, QUIET)
    (path,) = files(cache)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    store = open_masks(train_split, cache, None, QUIET)
    assert path.read_bytes() == whole
    np.testing.assert_array_equal(store[8], paint_all(train_split)[8])


def test_folds_share_the_cache_of_their_file(train_split: Split, cache: Path) -> None:
    store = open_masks(train_split, cache, None, QUIET)
    part = open_masks(train_split.part("val", [5, 2]), cache, None, QUIET)
    assert len(files(cache)) == 1
    np.testing.assert_array_equal(part[0], store[5])
    np.testing.assert_array_equal(part[1], store[2])
    pixels = np.concatenate([store[5], store[2]], axis=None)
    np.testing.assert_array_equal(part.pixel_counts, np.bincount(pixels, minlength=4))


N_RACES = 10


def test_processes_may_build_at_once(train_split: Split, cache: Path) -> None:
    context = multiprocessing.get_context("fork")
    started = context.Barrier(3)
    processes = [
        context.Process(target=_build, args=(train_split, cache, started)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(files(cache)) == N_RACES
    expected = paint_all(train_split)
    for number in range(N_RACES):
        store = open_masks(train_split, cache / str(number), None, QUIET)
        for index, mask in enumerate(expected):
            np.testing.assert_array_equal(store[index], mask)


def _build(split: Split, cache: Path, started: Any) -> None:
    for number in range(N_RACES):
        started.wait()
        open_masks(split, cache / str(number), None, QUIET)
