"""What can be wrong inside an annotation file, found without looking at the images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.data.coco import Annotation, CocoFile, ImageRecord
from toolkit.data.labels import make_label_map
from toolkit.data.segmentation import defects
from toolkit.errors import UsageError


@dataclass(frozen=True)
class Problem:
    """One thing wrong.

    Attributes:
        kind: short name, equal for problems of one sort.
        where: file name of the image, or what else it is about.
        detail: what exactly.
        error: False for what is unusual but may be meant.
    """

    kind: str
    where: str
    detail: str
    error: bool = True


def find_problems(coco: CocoFile, background: str, *, labelled: bool) -> Iterator[Problem]:
    """Yield everything wrong in the file; `labelled` is False for a test split."""
    yield from _category_problems(coco, background)
    yield from _duplicates(coco)
    known = {category.category_id for category in coco.categories}
    for record in coco.images:
        for annotation in record.annotations:
            yield from _annotation_problems(record, annotation, known)
    for image_id, annotation in coco.orphans:
        where = f"annotation {annotation.annotation_id}"
        yield Problem("unknown image", where, f"image_id {image_id} is not in the file")
    if labelled:
        yield from _emptiness(coco)


def is_paintable(record: ImageRecord, annotation: Annotation) -> bool:
    """Return whether the outline has a meaning."""
    found = defects(annotation.segmentation, record.height, record.width)
    return not any(defect.fatal for defect in found)


def _category_problems(coco: CocoFile, background: str) -> Iterator[Problem]:
    try:
        make_label_map(coco.categories, None, background)
    except UsageError as error:
        yield Problem("bad categories", coco.path.name, error.message)


def _duplicates(coco: CocoFile) -> Iterator[Problem]:
    annotations = [annotation for record in coco.images for annotation in record.annotations]
    annotations += [annotation for _, annotation in coco.orphans]
    for kind, values in (
        ("duplicate image id", [f"image {record.image_id}" for record in coco.images]),
        ("duplicate file_name", [record.file_name for record in coco.images]),
        ("duplicate annotation id", [f"annotation {item.annotation_id}" for item in annotations]),
    ):
        for value, count in Counter(values).items():
            if count > 1:
                yield Problem(kind, value, f"{count} times")


def _annotation_problems(
    record: ImageRecord, annotation: Annotation, known: set[int]
) -> Iterator[Problem]:
    about = f"annotation {annotation.annotation_id}"
    if annotation.category_id not in known:
        detail = f"{about}: category_id {annotation.category_id} is not in the file"
        yield Problem("unknown category", record.file_name, detail)
    for defect in defects(annotation.segmentation, record.height, record.width):
        yield Problem(
            defect.kind, record.file_name, f"{about}: {defect.detail}", error=not defect.harmless
        )


def _emptiness(coco: CocoFile) -> Iterator[Problem]:
    if not any(record.annotations for record in coco.images):
        yield Problem("no annotations", coco.path.name, "in the whole file", error=False)
        return
    used = {item.category_id for record in coco.images for item in record.annotations}
    for category in coco.categories:
        if category.category_id not in used:
            yield Problem("empty category", category.name, "no annotation", error=False)
    for record in coco.images:
        if not record.annotations:
            yield Problem("image without annotations", record.file_name, "", error=False)
