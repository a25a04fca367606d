"""Checking outlines against the `bbox` and `area` that the file states for them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal

from pycocotools import mask as coco_mask

from toolkit.data.segmentation import Rle, defects, encode
from toolkit.errors import UsageError
from toolkit.plugin.reader import Annotation, AnnotationSet, Box, ImageRecord

Contradiction = Literal["RLE along rows", "outline contradicts bbox", "outline contradicts area"]

_SLACK = 2.0
"""Pixels between two boxes that rounding explains."""

_SAME, _ALIKE = 0.8, 0.5
"""Intersection over union of two boxes of one object: surely, and as it may well be."""

_FACTOR, _FEW = 2.0, 16
"""Areas differ by less than the factor, or by fewer pixels."""

_SAMPLE = 200
"""Annotations that are compared when a file is opened; a check compares all."""

_LEAST = 5
"""Contradictions that make a rule."""


def contradiction(record: ImageRecord, annotation: Annotation) -> tuple[Contradiction, str] | None:
    """Return how an annotation's `bbox` or `area` contradicts its outline, with the figures.

    Outlines without a meaning or a pixel have no box to compare with.
    """
    outline = _outline(record, annotation)
    if outline is None:
        return None
    box, area = _box(outline), int(coco_mask.area(outline))
    stated = annotation.bbox
    if stated is not None and not _is_same(box, stated, _ALIKE):
        figures = f"bbox {_text(stated)}, the outline's is {_text(box)}"
        if _fits_along_rows(outline, annotation, stated):
            return "RLE along rows", f"{figures}; read along the rows it is {_text(stated)}"
        return "outline contradicts bbox", figures
    of_box = stated is not None and abs(annotation.area - stated[2] * stated[3]) < 1
    if annotation.area > 0 and not of_box and abs(area - annotation.area) > _FEW:
        ratio = area / annotation.area
        if not 1 / _FACTOR <= ratio <= _FACTOR:
            return "outline contradicts area", f"area {annotation.area:g}, the outline's is {area}"
    return None


def _outline(record: ImageRecord, annotation: Annotation) -> Rle | None:
    segmentation, size = annotation.segmentation, (record.height, record.width)
    if any(defect.fatal for defect in defects(segmentation, *size)):
        return None
    outline = encode(segmentation, *size)
    return outline if coco_mask.area(outline) else None


def _box(outline: Rle) -> Box:
    left, top, width, height = (float(value) for value in coco_mask.toBbox(outline))
    return left, top, width, height


def _fits_along_rows(outline: Rle, annotation: Annotation, stated: Box) -> bool:
    """Return whether an RLE has its stated box when its runs go along the rows (C order)."""
    if not isinstance(annotation.segmentation, dict):
        return False
    height, width = outline["size"]
    top, left, tall, wide = _box({"size": [width, height], "counts": outline["counts"]})
    return _is_same((left, top, wide, tall), stated, _SAME)


def _is_same(one: Box, other: Box, least: float) -> bool:
    ends = [(box[0], box[1], box[0] + box[2], box[1] + box[3]) for box in (one, other)]
    if max(abs(a - b) for a, b in zip(*ends, strict=True)) <= _SLACK:
        return True
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = ends
    shared = max(0.0, min(right, right_2) - max(left, left_2)) * max(
        0.0, min(bottom, bottom_2) - max(top, top_2)
    )
    union = one[2] * one[3] + other[2] * other[3] - shared
    return shared >= least * union


def _text(box: Box) -> str:
    return "[" + ", ".join(f"{value:g}" for value in box) + "]"


def doubtful_outlines(coco: AnnotationSet) -> str:
    """Return what is odd about most polygons of a file by its boxes; an empty text = nothing.

    Raises:
        UsageError: its RLE run along the rows.
    """
    _refuse_rows(coco)
    compared = wrong = 0
    example = ""
    for _, annotation in islice(_annotations_with_box(coco, list), _SAMPLE):
        box = _extent(annotation)
        if box is None or annotation.bbox is None:
            continue
        compared += 1
        if not _is_same(box, annotation.bbox, _ALIKE):
            wrong += 1
            figures = f"bbox {_text(annotation.bbox)}, the outline's is {_text(box)}"
            example = example or f"annotation {annotation.annotation_id}: {figures}"
    if wrong < _LEAST or 2 * wrong <= compared:
        return ""
    return (
        f"the outlines of {wrong} of {compared} annotations are elsewhere than their bbox "
        f"({example}); were they drawn on photos of another size?"
    )


def _extent(annotation: Annotation) -> Box | None:
    """Return the box of polygons, quickly and whether they lie in the image or not."""
    try:
        xs = [x for polygon in annotation.segmentation for x in polygon[0::2]]
        ys = [y for polygon in annotation.segmentation for y in polygon[1::2]]
        left, top = float(min(xs)), float(min(ys))
        return left, top, max(xs) - left, max(ys) - top
    except (TypeError, ValueError, OverflowError):  # something that is no polygon
        return None


def _refuse_rows(coco: AnnotationSet) -> None:
    along_rows: list[str] = []
    others = 0
    for record, annotation in islice(_annotations_with_box(coco, dict), _SAMPLE):
        kind, figures = contradiction(record, annotation) or ("", "")
        if kind == "RLE along rows":
            along_rows.append(f"annotation {annotation.annotation_id}: {figures}")
        else:
            others += not kind
    if len(along_rows) > others:
        raise UsageError(
            f"{coco.path}: RLE that run along the rows, seen by the bbox of {len(along_rows)} "
            f"annotations ({along_rows[0]})",
            "COCO's RLE run down the columns: encode the masks in Fortran order, as "
            "pycocotools.mask.encode(np.asfortranarray(mask)) does.",
        )


def _annotations_with_box(
    coco: AnnotationSet, kind: type[list[Any] | dict[str, Any]]
) -> Iterator[tuple[ImageRecord, Annotation]]:
    """Yield the annotations with a box and a kind of segmentation: list = polygons, dict = RLE."""
    for record in coco.images:
        for annotation in record.annotations:
            if annotation.bbox is not None and isinstance(annotation.segmentation, kind):
                yield record, annotation
