"""Cut-outs of the smallest, the largest and random objects of each class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.masks import paint_mask
from toolkit.data.object_facts import ObjectFact, object_pixels
from toolkit.data.resize import resize_image
from toolkit.data.split import Split
from toolkit.data.split_statistics import LabelStatistics
from toolkit.report.page import data_uri
from toolkit.report.thumbnails import photo_jpeg
from toolkit.seeds import Stream, generator

_SIDE = 112
"""Longer side of a cut-out, pixels of the page."""
_BYTES = 5_000
_MOST, _MOST_EACH = 330, 8
"""Cut-outs on a page, about, and of one kind and class."""
_LEAST_SIDE = 24
"""Pixels of the photo that a cut-out shows at least, so that a tiny object is seen in its place."""
_MARGIN = 0.3


@dataclass(frozen=True)
class CutOutPicture:
    """A cut-out of an object.

    Attributes:
        picture: the address that holds it; the object is outlined.
        name: of its photo.
        area: pixels of the photo.
        width: of the picture.
        height: of the picture.
        is_lost: whether the network does not get to see it.
    """

    picture: str
    name: str
    area: int
    width: int
    height: int
    is_lost: bool


@dataclass(frozen=True)
class ClassGallery:
    """Cut-outs of a class: (title, pictures) of each kind."""

    label: int
    kinds: tuple[tuple[str, tuple[CutOutPicture, ...]], ...]


def object_galleries(split: Split, labels: LabelStatistics) -> list[ClassGallery]:
    """Return cut-outs of every class that has objects.

    Few of each where there are many classes: a page has about 330. Objects without a pixel, such
    as lines, are left out.

    Args:
        split: the images, labelled.
        labels: what they hold.

    Raises:
        UsageError: a photo cannot be read.
    """
    objects = labels.objects
    rows_of = {
        label: np.flatnonzero((objects[:, 1] == label) & (objects[:, 2] > 0))
        for label in range(1, len(split.labels.class_names))
    }
    rows_of = {label: rows for label, rows in rows_of.items() if len(rows)}
    each = max(1, min(_MOST_EACH, _MOST // max(3 * len(rows_of), 1)))
    chosen: dict[int, list[tuple[str, list[int]]]] = {}
    for label, rows in rows_of.items():
        by_area = rows[np.argsort(objects[rows, 2], kind="stable")]
        rng = generator(Stream.SHOWN_OBJECTS, 0)
        drawn = rng.choice(rows, min(each, len(rows)), replace=False)
        chosen[label] = [
            ("smallest", by_area[:each].tolist()),
            ("largest", by_area[::-1][:each].tolist()),
            ("random", drawn.tolist()),
        ]
    wanted = {place for kinds in chosen.values() for _, places in kinds for place in places}
    pictures = _pictures(split, objects, sorted(wanted))
    return [
        ClassGallery(
            label,
            tuple((title, tuple(pictures[place] for place in places)) for title, places in kinds),
        )
        for label, kinds in chosen.items()
    ]


def _pictures(
    split: Split, objects: NDArray[np.int64], wanted: Sequence[int]
) -> dict[int, CutOutPicture]:
    by_image: dict[int, list[int]] = defaultdict(list)
    for place in wanted:
        by_image[int(objects[place, 0])].append(place)
    found = {}
    for row, places in by_image.items():
        record = split.images[row]
        photo = read_picture(split.path(row), record)
        mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        for place in places:
            label, area, number, is_lost = objects[place, 1:].tolist()
            fact = ObjectFact(label, area, number, bool(is_lost))
            picture = outlined(photo, object_pixels(split, row, mask, fact))
            height, width = picture.shape[:2]
            jpeg = photo_jpeg(picture, (height, width), _BYTES)
            found[place] = CutOutPicture(
                data_uri(jpeg, "jpeg"), record.file_name, area, width, height, bool(is_lost)
            )
    return found


def outlined(photo: NDArray[np.uint8], shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the part of a photo around an object, with the object's outline, at most 112 pixels.

    Args:
        photo: uint8 RGB (H, W, 3).
        shown: bool (H, W), its pixels; at least one.
    """
    window = around(cv2.boundingRect(shown.view(np.uint8)), shown.shape, _LEAST_SIDE)
    part = np.ascontiguousarray(photo[window])
    scale = _SIDE / max(part.shape[:2])
    size = max(round(part.shape[0] * scale), 1), max(round(part.shape[1] * scale), 1)
    return with_outline(resize_image(part, size), shown[window])


def with_outline(picture: NDArray[np.uint8], shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return a picture with the outline of an object.

    Args:
        picture: uint8 RGB (H, W, 3).
        shown: bool (h, w), pixels of the object in the same part of the photo.
    """
    # An outline of a smaller object needs no tricks: pixels are squares, as they are.
    places = [
        np.minimum(np.arange(new) * old // new, old - 1)
        for new, old in zip(picture.shape[:2], shown.shape, strict=True)
    ]
    enlarged = np.ascontiguousarray(shown[np.ix_(*places)]).view(np.uint8)
    outlines, _ = cv2.findContours(enlarged, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    outlined_picture = np.array(picture, order="C")
    cv2.drawContours(outlined_picture, outlines, -1, (0, 0, 0), 3)
    cv2.drawContours(outlined_picture, outlines, -1, (255, 255, 0), 1)
    return outlined_picture


def around(box: Sequence[int], shape: tuple[int, ...], least: int) -> tuple[slice, slice]:
    """Return the rows and columns of a square around an object, cut off at the photo's borders.

    Args:
        box: of the object: left, top, width, height in pixels.
        shape: (height, width) of the photo.
        least: side of the square at least.
    """
    left, top, width, height = box
    side = max(round(max(width, height) * (1 + 2 * _MARGIN)), least)
    rows, columns = (
        slice(*_span(start, length, side, whole))
        for start, length, whole in zip((top, left), (height, width), shape, strict=True)
    )
    return rows, columns


def _span(start: int, length: int, side: int, whole: int) -> tuple[int, int]:
    """Return the first row (or column) that is shown, and the one after the last."""
    if side >= whole:
        return 0, whole
    first = min(max(start + length // 2 - side // 2, 0), whole - side)
    return first, first + side
