"""The objects of an image: how large they are, and whether the network gets to see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from toolkit.data.resize import Size, is_kept
from toolkit.data.segmentation import encode
from toolkit.data.split import Split

TINY = 32 * 32
"""Pixels below which COCO calls an object small."""

_CONNECTIVITY = 8


class ObjectFact(NamedTuple):
    """An object of an image.

    Attributes:
        label: of its class.
        area: pixels that it covers, whether other objects hide them or not.
        number: its annotation's place in the record; of a mask, the number of its region among
            those of its label.
        is_lost: whether it has no pixel any more at the size of the network's input.
    """

    label: int
    area: int
    number: int
    is_lost: bool


def object_facts(
    split: Split, row: int, mask: NDArray[np.uint8], size: Size | None
) -> list[ObjectFact]:
    """Return the objects of an image, in the order of its record, or of labels and regions.

    Objects are annotations that are not ignored. A mask does not tell objects of one class apart:
    connected regions (by sides or corners) of one label stand for them.

    Args:
        split: the images, labelled.
        row: position of the image.
        mask: its labels, see `paint_mask`.
        size: (height, width) that the network gets; None = nothing is resized.
    """
    if split.images[row].mask is not None:
        return _regions(mask, len(split.labels.class_names), size)
    record, found = split.images[row], []
    for number, annotation in enumerate(record.annotations):
        if annotation.ignored:
            continue
        outline = encode(annotation.segmentation, record.height, record.width)
        area = int(coco_mask.area(outline))
        is_lost = False
        if size is not None:
            is_lost = _is_too_small(area, mask.shape, size) or not is_kept(
                coco_mask.decode(outline).view(np.bool_), size
            )
        label = split.labels.label_of[annotation.category_id]
        found.append(ObjectFact(label, area, number, is_lost))
    return found


def object_pixels(split: Split, row: int, mask: NDArray[np.uint8], fact: ObjectFact) -> _Pixels:
    """Return which pixels an object covers, bool (H, W).

    Args:
        split: the images, labelled.
        row: position of the image.
        mask: its labels, see `paint_mask`.
        fact: of the object, from `object_facts`.
    """
    record = split.images[row]
    if record.mask is not None:
        return np.asarray(_numbered_regions(mask, fact.label) == fact.number)
    outline = encode(record.annotations[fact.number].segmentation, record.height, record.width)
    return np.ascontiguousarray(coco_mask.decode(outline).view(np.bool_))


def object_boxes(
    split: Split, row: int, mask: NDArray[np.uint8], facts: Sequence[ObjectFact]
) -> list[tuple[int, int, int, int]]:
    """Return the smallest box around each object: left, top, width, height in pixels.

    An object without a pixel has (0, 0, 0, 0).

    Args:
        split: the images, labelled.
        row: position of the image.
        mask: its labels, see `paint_mask`.
        facts: of objects of the image, from `object_facts`.
    """
    record = split.images[row]
    if record.mask is None:
        outlines = [record.annotations[fact.number].segmentation for fact in facts]
        boxes = [coco_mask.toBbox(encode(each, record.height, record.width)) for each in outlines]
    else:
        regions = {label: _boxes_of_regions(mask, label) for label in {fact[0] for fact in facts}}
        boxes = [regions[fact.label][fact.number] for fact in facts]
    return [(int(box[0]), int(box[1]), int(box[2]), int(box[3])) for box in boxes]


def _boxes_of_regions(mask: NDArray[np.uint8], label: int) -> NDArray[np.int32]:
    shown = (mask == label).view(np.uint8)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(shown, connectivity=_CONNECTIVITY)
    return np.asarray(boxes)


def seen_objects(
    split: Split, row: int, mask: NDArray[np.uint8], size: Size | None
) -> Iterator[tuple[ObjectFact, _Pixels]]:
    """Yield the objects of an image with their pixels that no other object hides, bool (H, W).

    Arguments are those of `object_facts`.
    """
    regions: _Regions | None = None
    label = 0
    for fact in object_facts(split, row, mask, size):
        if split.images[row].mask is None:
            yield fact, object_pixels(split, row, mask, fact) & (mask == fact.label)
            continue
        if regions is None or fact.label != label:
            regions, label = _numbered_regions(mask, fact.label), fact.label
        yield fact, np.asarray(regions == fact.number)


_Pixels = NDArray[np.bool_]
_Regions = NDArray[np.int32]


def _numbered_regions(mask: NDArray[np.uint8], label: int) -> _Regions:
    shown = (mask == label).view(np.uint8)
    return np.asarray(cv2.connectedComponents(shown, connectivity=_CONNECTIVITY)[1], np.int32)


def _regions(mask: NDArray[np.uint8], n_labels: int, size: Size | None) -> list[ObjectFact]:
    found = []
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=n_labels)[:n_labels])
    for label in present[present > 0].tolist():
        _, regions, boxes, _ = cv2.connectedComponentsWithStats(
            (mask == label).view(np.uint8), connectivity=_CONNECTIVITY
        )
        for number, box in enumerate(boxes[1:].tolist(), start=1):
            area = box[cv2.CC_STAT_AREA]
            is_lost = size is not None and (
                _is_too_small(area, mask.shape, size) or not is_kept(regions == number, size)
            )
            found.append(ObjectFact(label, area, number, is_lost))
    return found


def _is_too_small(area: int, old: tuple[int, ...], new: Size) -> bool:
    """Return whether an object is smaller than half of a new pixel: it cannot cover so much."""
    return 2 * area * new[0] * new[1] < old[0] * old[1]
