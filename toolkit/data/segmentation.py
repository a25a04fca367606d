"""Outlines of objects (polygons, RLE) and what can be wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from operator import mul
from typing import Any

from pycocotools import mask as coco_mask

from toolkit.errors import UsageError
from toolkit.wording import counted

Rle = dict[str, Any]
"""Compressed RLE as pycocotools makes it: size [height, width] and counts."""

_FAR = 1e5
"""Coordinates beyond it, in pixels, would make pycocotools allocate memory by the gigabyte."""

_SHOWN_DIGITS = 12

_OVERHANG = 1.0
"""Pixels that a polygon may leave the image by: annotation tools round up to the border."""


_NO_AREA = 1e-6
"""Square pixels: what rounding may leave of the area of a line."""


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


def why_empty(segmentation: Any, height: int, width: int) -> str:
    """Return why an outline covers no pixel of an image of `height` x `width`, or an empty text.

    An outline that is only smaller than a pixel has nothing wrong, and one that has no meaning is
    refused when it is painted: the text is empty for both.
    """
    if _surely_covers(segmentation, height, width):
        return ""
    found = list(defects(segmentation, height, width))
    if any(defect.fatal for defect in found):
        return ""
    wrong = [defect for defect in found if not defect.harmless]
    if not wrong or coco_mask.area(encode(segmentation, height, width)):
        return ""
    return f"{wrong[0].kind}: {wrong[0].detail}"


def _surely_covers(segmentation: Any, height: int, width: int) -> bool:
    """Return True if a polygon plainly lies in the image; quick, and False proves nothing."""
    if not isinstance(segmentation, list):
        return False
    try:
        for polygon in segmentation:
            xs, ys = polygon[0::2], polygon[1::2]
            inside = min(xs) < width and max(xs) > 0 and min(ys) < height and max(ys) > 0
            if inside and abs(_shoelace(xs, ys)) > 1:
                return True
    except (TypeError, ValueError, OverflowError):  # something that is no polygon
        return False
    return False


def _from_counts(counts: list[int], height: int, width: int) -> Rle:
    rle: Rle = coco_mask.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    return rle


def defects(segmentation: Any, height: int, width: int) -> Iterator[Defect]:
    """Yield what is wrong with an outline in an image of `height` x `width` pixels."""
    if isinstance(segmentation, dict):
        yield from _rle_defects(segmentation, height, width)
    elif not segmentation:
        yield Defect("no outline", "the segmentation is missing or empty")
    elif all(isinstance(part, list) and len(part) == 2 for part in segmentation):
        points = counted(len(segmentation), "point", "points")
        detail = f"a list of {points}, not of polygons [[x1, y1, x2, y2, …]]"
        yield Defect("no outline", detail)
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
    elif abs(_shoelace(xs, ys)) < _NO_AREA and not _covers(polygon, height, width):
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
    """Twice the signed area of a polygon; 0 also for one whose loops cancel, as an 8 does."""
    return float(sum(map(mul, xs, ys[1:] + ys[:1])) - sum(map(mul, xs[1:] + xs[:1], ys)))


def _covers(polygon: list[Any], height: int, width: int) -> bool:
    outlines = coco_mask.frPyObjects([polygon], height, width)
    return bool(coco_mask.area(outlines).any())


def _rle_defects(rle: Rle, height: int, width: int) -> Iterator[Defect]:
    kind = "bad RLE"
    size, counts = rle.get("size"), rle.get("counts")
    if size != [height, width]:
        detail = f"size [height, width] is {size}, the image is [{height}, {width}]"
        yield Defect(kind, detail, fatal=True)
        return
    if isinstance(counts, str):
        # pycocotools does not check a text: a damaged one reads memory that is not its own.
        counts = _unpack_counts(counts)
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
        yield Defect(kind, "covers no pixel")


def _unpack_counts(text: str) -> list[int] | None:
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
