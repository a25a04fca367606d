"""`data.exclude`: labels that reviewers call wrong count for nothing in training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from toolkit.data.labels import LabelMap
from toolkit.data.near_files import not_found
from toolkit.data.split import Split
from toolkit.data.suspect_list import WRONG, ReviewedLabel, read_reviewed
from toolkit.errors import UsageError
from toolkit.files import digest_of, is_file
from toolkit.plugin.reader import Annotation, ImageRecord, Meaning
from toolkit.progress import Progress, say_once
from toolkit.suggestions import nearest
from toolkit.wording import counted, some_of

KEY = "data.exclude"
_NO_CATEGORY = 0
"""Of an ignored annotation, whose category nobody looks at."""


def with_exclusions(train: Split, val: Split, path: Path, progress: Progress) -> Split:
    """Return the training split without the labels that a list calls wrong.

    A row with an annotation makes its pixels count for nothing where no other object is; one
    without does so for the pixels of its label in its box. Rows of validation images change
    nothing: a score must not be flattered.

    Args:
        train: the training images.
        val: the validation images.
        path: the list.
        progress: told how many rows are used.

    Raises:
        UsageError: as `wrong_labels`.
    """
    known = [*(train.source or train).images, *val.images]
    rows = wrong_labels(path, known, train.labels)
    by_image: dict[str, list[ReviewedLabel]] = defaultdict(list)
    for row in rows:
        by_image[row.image].append(row)
    images = tuple(
        _without(record, by_image[record.file_name], train.labels)
        if record.file_name in by_image
        else record
        for record in train.images
    )
    used = [row for name in train.file_names for row in by_image.get(name, ())]
    others = len(rows) - len(used)
    kept = (
        f"; {counted(others, 'row is', 'rows are')} of validation images, which keep their labels"
        if others
        else ""
    )
    what = counted(len(used), "wrong label counts", "wrong labels count")
    say_once(progress, f"{KEY}: {what} for nothing in training{kept}")
    if not used:
        return train
    facts = [str((row.image, row.annotation, row.label, row.box)) for row in used]
    digest = digest_of(train.digest, "exclude", *facts)
    excluded = replace(train, images=images, digest=digest, has_own_labels=True)
    excluded.__dict__["contents"] = train.contents
    return excluded


def wrong_labels(
    path: Path, records: Sequence[ImageRecord], labels: LabelMap
) -> list[ReviewedLabel]:
    """Return the rows of a list that are called wrong.

    Args:
        path: the list.
        records: the images of training and validation.
        labels: of the contest.

    Raises:
        UsageError: there is no such list, it is none, or it names images, annotations or classes
            that are not there, an annotation that has another class by now, or a box outside.
    """
    if not is_file(path):
        raise not_found(path, KEY)
    rows = [row for row in read_reviewed(path) if row.verdict == WRONG]
    by_name = {record.file_name: record for record in records}
    faults = [(row, why) for row in rows if (why := _fault(row, by_name, labels))]
    if faults:
        shown = some_of([f"line {row.line}: {why}" for row, why in faults], 3)
        raise UsageError(
            f"{path}: {counted(len(faults), 'row does', 'rows do')} not fit the data: {shown}",
            _hint(faults[0][0], by_name, labels),
            parameter=KEY,
        )
    return rows


def _fault(row: ReviewedLabel, by_name: Mapping[str, ImageRecord], labels: LabelMap) -> str | None:
    record = by_name.get(row.image)
    if record is None:
        return f"there is no image {row.image}"
    if row.label not in labels.class_names:
        return f"there is no class {row.label}"
    left, top, width, height = row.box
    if left + width > record.width or top + height > record.height:
        return f"its box lies outside {row.image}, {record.width}x{record.height} pixels"
    if row.annotation is None:
        if record.mask is None and row.label != labels.class_names[0]:
            return f"an object of {row.image} without the id of its annotation"
        return None
    found = [each for each in record.objects if each.annotation_id == row.annotation]
    if not found:
        return f"{row.image} has no annotation {row.annotation}"
    names = {labels.class_names[labels.label_of[each.category_id]] for each in found}
    if row.label not in names:
        now = ", ".join(sorted(names))
        return f"annotation {row.annotation} of {row.image} is {now} by now, not {row.label}"
    return None


def _hint(row: ReviewedLabel, by_name: Mapping[str, ImageRecord], labels: LabelMap) -> str:
    near = None
    if row.image not in by_name:
        near = nearest(row.image, by_name)
    elif row.label not in labels.class_names:
        near = nearest(row.label, labels.class_names)
    if near:
        return f"Did you mean {near}?"
    return (
        "The list is made for other annotations, or they were corrected since: delete such rows, "
        "or make a new list with trash data suspects RUN."
    )


def _without(record: ImageRecord, rows: Sequence[ReviewedLabel], labels: LabelMap) -> ImageRecord:
    if record.mask is not None:
        ignored = tuple((_meaning(row.label, labels), row.box) for row in rows)
        return replace(record, mask=replace(record.mask, ignored=ignored))
    ids = {row.annotation for row in rows if row.annotation is not None}
    annotations = tuple(
        replace(each, ignored=True) if each.annotation_id in ids else each
        for each in record.annotations
    )
    return replace(record, annotations=(*annotations, *_boxes(rows)))


def _boxes(rows: Sequence[ReviewedLabel]) -> Iterator[Annotation]:
    """Yield the boxes of background as ignored regions."""
    for row in rows:
        if row.annotation is None:
            left, top, width, height = map(float, row.box)
            right, bottom = left + width, top + height
            outline = [[left, top, right, top, right, bottom, left, bottom]]
            yield Annotation(_NO_CATEGORY, outline, 0.0, False, 0, ignored=True)


def _meaning(name: str, labels: LabelMap) -> Meaning:
    label = labels.class_names.index(name)
    by_label = {number: category_id for category_id, number in labels.label_of.items()}
    return by_label[label] if label else "background"
