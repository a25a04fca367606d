"""What is odd in an annotation file and may still be meant: told when it is opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from toolkit.data.coco import CocoFile
from toolkit.data.labels import unused_groups
from toolkit.data.listing import some_of
from toolkit.data.stated_boxes import doubtful_outlines
from toolkit.recipe.schema import Data


def oddities(coco: CocoFile, data: Data) -> Iterator[str]:
    """Yield what is odd in a file whose annotations are used, each as a sentence without its name.

    Raises:
        UsageError: its RLE run along the rows.
    """
    if coco.orphans:
        yield (
            f"{len(coco.orphans)} annotations are of images that it does not list; they are left out"
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


def group_oddity(coco: CocoFile, name: str) -> str:
    """Return what is odd about a category without annotations that is the group of others."""
    others = sorted(coco.categories, key=lambda category: category.category_id)
    rest = ", ".join(f'"{each.name}"' for each in others if each.name != name)
    return (
        f"category {name!r} has no annotation and is only the group of others, but takes a label and "
        f"shifts the others; if the contest does not count it: data.classes = [{rest}]"
    )
