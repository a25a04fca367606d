"""Problems inside an annotation file that are found without looking at the images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pycocotools import mask as coco_mask

from toolkit.data.annotation_rules import group_oddity
from toolkit.data.labels import make_label_map, unused_groups
from toolkit.data.segmentation import defects, encode, why_empty
from toolkit.data.stated_boxes import contradiction
from toolkit.errors import UsageError
from toolkit.plugin.reader import Annotation, AnnotationSet, ImageRecord
from toolkit.recipe.schema import Data


@dataclass(frozen=True)
class DataProblem:
    """One problem.

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


def find_problems(coco: AnnotationSet, data: Data, *, labelled: bool) -> Iterator[DataProblem]:
    """Yield all problems of the file.

    Args:
        coco: the file.
        data: how it is read.
        labelled: False for images whose annotations are not looked at.
    """
    if coco.categories:
        yield from _category_problems(coco, data)
    elif labelled:
        yield DataProblem("bad categories", coco.path.name, "no categories")
    yield from _duplicates(coco)
    known = {category.category_id for category in coco.categories}
    for record in coco.images:
        for annotation in record.annotations:
            yield from _annotation_problems(record, annotation, known, data)
    for image_id, annotation in coco.orphans:
        where = f"annotation {annotation.annotation_id}"
        yield DataProblem("unknown image", where, f"image_id {image_id} is not in the file")
    if labelled:
        yield from _emptiness(coco)


def is_paintable(record: ImageRecord, annotation: Annotation) -> bool:
    """Return whether the outline can be painted."""
    found = defects(annotation.segmentation, record.height, record.width)
    return not any(defect.fatal for defect in found)


def _category_problems(coco: AnnotationSet, data: Data) -> Iterator[DataProblem]:
    try:
        labels = make_label_map(
            coco.categories, data.classes, data.background, coco.used_categories
        )
    except UsageError as error:
        detail = ". ".join(filter(None, (error.message, error.hint)))
        yield DataProblem("bad categories", coco.path.name, detail)
        return
    if data.ignore_index < len(labels.class_names):
        detail = f"{data.ignore_index} is the label of {labels.class_names[data.ignore_index]}"
        yield DataProblem("bad ignore_index", coco.path.name, detail)
    if data.classes is None:
        for group in unused_groups(coco.categories, coco.used_categories):
            detail = group_oddity(coco, group.name)
            yield DataProblem("group without annotations", coco.path.name, detail, error=False)


def _duplicates(coco: AnnotationSet) -> Iterator[DataProblem]:
    annotations = [annotation for record in coco.images for annotation in record.annotations]
    annotations += [annotation for _, annotation in coco.orphans]
    for kind, values in (
        ("duplicate image id", [f"image {record.image_id}" for record in coco.images]),
        ("duplicate file_name", [record.file_name for record in coco.images]),
        ("duplicate annotation id", [f"annotation {item.annotation_id}" for item in annotations]),
    ):
        for value, count in Counter(values).items():
            if count > 1:
                # The ids of annotations are used for nothing but messages.
                error = kind != "duplicate annotation id"
                yield DataProblem(kind, value, f"{count} times", error=error)


def _annotation_problems(
    record: ImageRecord, annotation: Annotation, known: set[int], data: Data
) -> Iterator[DataProblem]:
    about = f"annotation {annotation.annotation_id}"
    if annotation.category_id not in known and not annotation.ignored:
        detail = f"{about}: category_id {annotation.category_id} is not in the file"
        yield DataProblem("unknown category", record.file_name, detail)
    size = record.height, record.width
    found = list(defects(annotation.segmentation, *size))
    # As in a run: a bad part of an outline is passed over, an outline without any pixel is not.
    refused = data.on_empty == "refuse" and bool(why_empty(annotation.segmentation, *size))
    for defect in found:
        error = defect.fatal or (refused and not defect.harmless)
        yield DataProblem(defect.kind, record.file_name, f"{about}: {defect.detail}", error=error)
    if not found and not coco_mask.area(encode(annotation.segmentation, *size)):
        yield DataProblem("smaller than a pixel", record.file_name, about, error=False)
    contradicted = contradiction(record, annotation)
    if contradicted:
        kind, detail = contradicted
        error = kind == "RLE along rows"
        yield DataProblem(kind, record.file_name, f"{about}: {detail}", error=error)


def _emptiness(coco: AnnotationSet) -> Iterator[DataProblem]:
    used = coco.used_categories
    if not used:
        yield DataProblem("no annotations", coco.path.name, "in the whole file", error=False)
        return
    for category in coco.categories:
        if category.category_id not in used:
            yield DataProblem("empty category", category.name, "no annotation", error=False)
    for record in coco.images:
        if not record.categories:
            yield DataProblem("image without annotations", record.file_name, "", error=False)
