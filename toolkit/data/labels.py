"""From the categories of a file to the labels of a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.data.coco import Category
from toolkit.errors import UsageError, did_you_mean

MAX_LABEL = 254
"""Masks are uint8 and 255 is the usual ignore index."""


@dataclass(frozen=True)
class LabelMap:
    """Names of the labels, and the label of every category of one file.

    Attributes:
        class_names: index = label; 0 is the background.
        label_of: category id -> label, 1 or more.
    """

    class_names: tuple[str, ...]
    label_of: dict[int, int]


def make_label_map(
    categories: Sequence[Category], classes: Sequence[str] | None, background: str
) -> LabelMap:
    """Number the categories from 1: in the order of `classes`, else by category id.

    Raises:
        UsageError: names or ids repeat, a category has the background's name, `classes` names a
            category that the file lacks or lacks one that the file has, or there are too many.
    """
    names = [category.name for category in categories]
    for what, values in (
        ("name", names),
        ("id", [category.category_id for category in categories]),
    ):
        repeated = [str(value) for value, count in Counter(values).items() if count > 1]
        if repeated:
            raise UsageError(f"categories share the {what} {', '.join(repeated)}")
    if background in names:
        raise UsageError(
            f"category {background!r} has the name of label 0",
            "Give label 0 another name with data.background.",
        )
    if len(names) > MAX_LABEL:
        raise UsageError(f"{len(names)} categories: masks hold at most {MAX_LABEL} labels")
    if classes is None:
        order = [c.name for c in sorted(categories, key=lambda category: category.category_id)]
    else:
        order = list(classes)
        _require_same_names(order, names)
    label_of = {category.category_id: 1 + order.index(category.name) for category in categories}
    return LabelMap((background, *order), label_of)


def _require_same_names(classes: Sequence[str], names: Sequence[str]) -> None:
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    missing = [name for name in classes if name not in names]
    extra = [name for name in names if name not in classes]
    if repeated:
        raise UsageError(f"data.classes repeats {', '.join(repeated)}")
    if not missing and not extra:
        return
    problems = []
    if missing:
        problems.append("no category is called " + ", ".join(missing))
    if extra:
        problems.append("data.classes does not name " + ", ".join(extra))
    hints = [f"{name}: {did_you_mean(name, extra or names)}" for name in missing]
    raise UsageError("; ".join(problems), "\n".join(hints))
