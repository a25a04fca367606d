"""Outlines of objects (polygons, RLE) and what can be wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pycocotools import mask as coco_mask

from toolkit.errors import UsageError

Rle = dict[str, Any]
"""Compressed RLE as pycocotools makes it: size [height, width] and counts."""

_FAR = 1e5
"""Coordinates beyond it, in pixels, would make pycocotools allocate memory by the gigabyte."""

_SHOWN_DIGITS = 12

_OVERHANG = 1.0
"""Pixels that a polygon may leave the image by: annotation tools round up to the border."""


@dataclass(frozen=True)
class Defect:
    """Something wrong with an outline.

    Attributes:
        kind: short name, equal for defects of one sort.
        detail: the figures of this one.
        fatal: the outline has no meaning and cannot be painted.
        harmless: it may well be meant.
    """

    kind: str
    detail: str
    fatal: bool = False
    harmless: bool = False


def encode(segmentation: Any, height: int, width: int) -> Rle:
    """Return the RLE of an outline in an image of `height` x `width` pixels.

    Polygons with fewer than three points cover nothing and are left out.

    Raises:
        UsageError: the outline has no meaning; the caller adds which annotation it is.
    """
    for defect in defects(segmentation, height, width):
        if defect.fatal:
            raise UsageError(f"{defect.kind}: {defect.detail}")
    if isinstance(segmentation, dict):
        if isinstance(segmentation["counts"], list):
            return _from_counts(segmentation["counts"], height, width)
        return {"size": [height, width], "counts": segmentation["counts"]}
    polygons = [polygon for polygon in segmentation or () if len(polygon) >= 6]
    if not polygons:
        return _from_counts([height * width], height, width)
    merged: Rle = coco_mask.merge(coco_mask.frPyObjects(polygons, height, width))
    return merged


def _from_counts(counts: list[int], height: int, width: int) -> Rle:
    rle: Rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return rle


def defects(segmentation: Any, height: int, width: int) -> Iterator[Defect]:
    """Yield what is wrong with an outline in an image of `height` x `width` pixels."""
    if isinstance(segmentation, dict):
        yield from _rle_defects(segmentation, height, width)
    elif not segmentation:
        yield Defect("no outline", "the segmentation is missing or empty")
    elif not all(isinstance(polygon, list) for polygon in segmentation):
        yield Defect("bad polygon", "expected a list of lists of numbers", fatal=True)
    else:
        for polygon in segmentation:
            yield from _polygon_defects(polygon, height, width)


def _polygon_defects(polygon: list[Any], height: int, width: int) -> Iterator[Defect]:
    kind = "bad polygon"
    if not all(isinstance(value, (int, float)) for value in polygon):
        yield Defect(kind, "a coordinate is not a number", fatal=True)
        return
    # Compared, not asked: an integer may be too large for a float.
    if not all(abs(value) < math.inf for value in polygon):
        yield Defect(kind, "a coordinate is NaN or infinite", fatal=True)
        return
    if len(polygon) % 2:
        yield Defect(kind, f"odd number of coordinates ({len(polygon)})", fatal=True)
        return
    if len(polygon) < 6:
        yield Defect(kind, f"fewer than 3 points ({len(polygon) // 2})")
        return
    xs, ys = polygon[0::2], polygon[1::2]
    if max(map(abs, polygon)) > _FAR:
        farthest = str(max(polygon, key=abs))[:_SHOWN_DIGITS]
        yield Defect(kind, f"coordinate {farthest} is far outside", fatal=True)
        return
    if min(xs) >= width or max(xs) <= 0 or min(ys) >= height or max(ys) <= 0:
        yield Defect(kind, f"outside the image of {width}x{height} pixels")
    elif _shoelace(xs, ys) == 0:
        yield Defect(kind, "zero area")
    elif (
        min(xs) < -_OVERHANG
        or max(xs) > width + _OVERHANG
        or min(ys) < -_OVERHANG
        or max(ys) > height + _OVERHANG
    ):
        reach = f"x {min(xs):g}…{max(xs):g}, y {min(ys):g}…{max(ys):g}"
        detail = f"{reach} in {width}x{height} pixels"
        yield Defect("polygon leaves the image", detail, harmless=True)


def _shoelace(xs: list[float], ys: list[float]) -> float:
    """Twice the signed area of a polygon."""
    shifted = zip(xs, ys, xs[1:] + xs[:1], ys[1:] + ys[:1], strict=True)
    return math.fsum(x * next_y - next_x * y for x, y, next_x, next_y in shifted)


def _rle_defects(rle: Rle, height: int, width: int) -> Iterator[Defect]:
    kind = "bad RLE"
    size, counts = rle.get("size"), rle.get("counts")
    if size != [height, width]:
        detail = f"size [height, width] is {size}, the image is [{height}, {width}]"
        yield Defect(kind, detail, fatal=True)
        return
    if isinstance(counts, str):
        # pycocotools does not check a text: a damaged one reads memory that is not its own.
        counts = _unpacked(counts)
        if counts is None:
            yield Defect(kind, "counts cannot be decoded", fatal=True)
            return
    if isinstance(counts, list):
        if not all(type(count) is int and count >= 0 for count in counts):
            yield Defect(kind, "counts must be integers of 0 or more", fatal=True)
            return
        if sum(counts) != height * width:
            detail = f"counts add up to {sum(counts)}, the image has {height * width} pixels"
            yield Defect(kind, detail, fatal=True)
            return
    else:
        yield Defect(kind, "counts must be a list or a text", fatal=True)
        return
    if not any(counts[1::2]):
        yield Defect(kind, "covers no pixel", harmless=True)


def _unpacked(text: str) -> list[int] | None:
    """Return the counts that a compressed RLE holds, or None when it is damaged.

    The format of `rleToString` in the COCO API: each count in groups of 5 bits, lowest first, bit 5
    of a character says that more follow, bit 4 of the last is the sign; from the fourth count on
    the difference to the count two before it.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > _LARGEST_SHIFT:
            return None
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    return counts if shift == 0 else None


_LARGEST_SHIFT = 60
