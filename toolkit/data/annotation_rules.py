"""Rules for annotations: what refuses training and scoring, and what only gives a warning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from toolkit.data.empty_annotations import RECIPE_OPTION, without_empty
from toolkit.data.guards import refuse_unknown_categories
from toolkit.data.labels import unused_groups
from toolkit.data.mask_pixels import numbered
from toolkit.data.stated_boxes import doubtful_outlines
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import Progress
from toolkit.recipe.schema import Data
from toolkit.wording import counted, some_of, toml_array

if TYPE_CHECKING:
    from toolkit.data.split import Split


def with_annotation_rules(
    split: Split,
    coco: AnnotationSet,
    data: Data,
    progress: Progress,
    *,
    option: str = RECIPE_OPTION,
) -> Split:
    """Return a split whose annotations can be trained on and scored by.

    Args:
        split: the images of the file.
        coco: the file.
        data: how a recipe reads it.
        progress: told what is odd in it, and what was left out.
        option: how the user leaves out annotations that cover no pixel, for the message.

    Raises:
        UsageError: an annotation's category is not in the file's list, one covers no pixel, or its
            RLE run along the rows.
    """
    refuse_unknown_categories(split)
    for oddity in oddities(coco, data):
        progress.say(f"warning: {split.file}: {oddity}")
    if split.name == "train" and _has_no_background(coco):
        progress.say(
            f"warning: {split.file}: no value of the masks is {data.background} (label 0), so the "
            "network learns a class that no pixel has; if every pixel has a class, name one of "
            f"them: data.background = {toml_array(split.labels.class_names[1:2])[1:-1]}"
        )
    images = without_empty(
        split.images, split.file, split.root, data.on_empty, progress, option=option
    )
    return replace(split, images=images)


def _has_no_background(found: AnnotationSet) -> bool:
    """Return whether all images have masks and nothing in them means label 0."""
    tables = {id(each.mask.table): each.mask.table for each in found.images if each.mask}
    return all(each.mask for each in found.images) and not any(
        "background" in numbered(table).values() for table in tables.values()
    )


def oddities(coco: AnnotationSet, data: Data) -> Iterator[str]:
    """Yield what looks odd in a file whose annotations are used; sentences without the file's name.

    Raises:
        UsageError: its RLE run along the rows.
    """
    if coco.orphans:
        yield (
            counted(len(coco.orphans), "annotation is of an image", "annotations are of images")
            + " that it does not list; "
            + ("it is" if len(coco.orphans) == 1 else "they are")
            + " left out"
        )
    ids = Counter(item.annotation_id for record in coco.images for item in record.annotations)
    repeated = [str(annotation_id) for annotation_id, count in ids.items() if count > 1]
    if repeated:
        yield (
            f"annotations share the id {some_of(repeated)}; all of them are used here, other "
            "programs may keep the last"
        )
    doubt = doubtful_outlines(coco)
    if doubt:
        yield doubt
    if data.classes is None:
        for group in unused_groups(coco.categories, coco.used_categories):
            yield group_oddity(coco, group.name)


def group_oddity(coco: AnnotationSet, name: str) -> str:
    """Return what is odd about a category without annotations that is the group of others."""
    others = sorted(coco.categories, key=lambda category: category.category_id)
    rest = toml_array([each.name for each in others if each.name != name])
    return (
        f"category {name!r} has no annotation and is only the group of others, but takes a label "
        f"and shifts the others; if the contest does not count it: data.classes = {rest}"
    )
