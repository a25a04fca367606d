"""From the categories of a file to the labels of a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolkit.errors import UsageError
from toolkit.plugin.reader import Category
from toolkit.suggestions import did_you_mean
from toolkit.wording import counted, toml_array

MAX_LABEL = 254
"""Masks are uint8 and 255 is the usual ignore index."""


_NAMES_OF_NOTHING = {"background", "bg"}
"""How files call label 0, without the signs around it."""


@dataclass(frozen=True)
class LabelMap:
    """Names of the labels, and the label of every category of one file.

    Attributes:
        class_names: index = label; 0 is the background.
        label_of: category id -> label, 1 or more.
        left_out: names of categories without annotations that `data.classes` does not name.
    """

    class_names: tuple[str, ...]
    label_of: dict[int, int]
    left_out: tuple[str, ...] = ()


def make_label_map(
    categories: Sequence[Category],
    classes: Sequence[str] | None,
    background: str,
    used: Collection[int] | None = None,
    named_by: str = "data.classes",
) -> LabelMap:
    """Number the categories from 1: in the order of `classes`, else by category id.

    Args:
        categories: of a file.
        classes: `data.classes`; it may leave out categories that have no annotation.
        background: name of label 0.
        used: ids of the categories with annotations; None = they may all have some.
        named_by: what `classes` are called in messages.

    Raises:
        UsageError: names or ids repeat, a category has the background's name or another one for it,
            `classes` and the file differ in a category, or there are too many.
    """
    for what, values in (
        ("name", [category.name for category in categories]),
        ("id", [category.category_id for category in categories]),
    ):
        repeated = [str(value) for value, count in Counter(values).items() if count > 1]
        if repeated:
            raise UsageError(f"categories share the {what} {', '.join(repeated)}")
    kept, left_out = list(categories), []
    if classes is not None and used is not None:
        kept = [each for each in categories if each.name in classes or each.category_id in used]
        left_out = [each for each in categories if each not in kept]
    names = [category.name for category in kept]
    if background in names:
        raise UsageError(
            f"category {background!r} has the name of label 0",
            _ways(background, categories, used)
            or "Give label 0 another name with data.background, "
            "if the category is a class of its own.",
        )
    if len(names) > MAX_LABEL:
        raise UsageError(f"{len(names)} categories: masks hold at most {MAX_LABEL} labels")
    if classes is None:
        order = [c.name for c in sorted(categories, key=lambda category: category.category_id)]
        _refuse_second_background(order, categories, background, used)
    else:
        order = list(classes)
        _require_same_names(order, names, named_by)
    label_of = {category.category_id: 1 + order.index(category.name) for category in kept}
    return LabelMap((background, *order), label_of, tuple(each.name for each in left_out))


def _refuse_second_background(
    order: Sequence[str],
    categories: Sequence[Category],
    background: str,
    used: Collection[int] | None,
) -> None:
    for label, name in enumerate(order, start=1):
        plain = name.casefold().strip("_-<>[]() ")
        if plain in _NAMES_OF_NOTHING or plain == background.casefold():
            raise UsageError(
                f"category {name!r} would be label {label} beside label 0, {background!r}, and "
                f"shift {counted(len(order) - label, 'class', 'classes')}",
                _ways(name, categories, used)
                or "If its objects are a class of their own, name it in data.classes = "
                f"{toml_array(order)}, in the order of the labels; otherwise delete its "
                "annotations.",
            )


def _ways(name: str, categories: Sequence[Category], used: Collection[int] | None) -> str:
    """Return how a category without annotations is left out, or an empty text when it has some."""
    ordered = sorted(categories, key=lambda category: category.category_id)
    if used is None or any(each.name == name and each.category_id in used for each in ordered):
        return ""
    others = [each.name for each in ordered if each.name != name]
    return f"It has no annotations: leave it out with data.classes = {toml_array(others)}."


def unused_groups(categories: Sequence[Category], used: Collection[int]) -> list[Category]:
    """Return the categories without annotations that are only the group of other ones."""
    return [
        each
        for each in categories
        if each.category_id not in used
        and any(other.supercategory == each.name and other != each for other in categories)
    ]


def _require_same_names(classes: Sequence[str], names: Sequence[str], named_by: str) -> None:
    repeated = [name for name, count in Counter(classes).items() if count > 1]
    missing = [name for name in classes if name not in names]
    extra = [name for name in names if name not in classes]
    if repeated:
        raise UsageError(f"{named_by} repeats {', '.join(repeated)}")
    if not missing and not extra:
        return
    problems = []
    if missing:
        problems.append("no category is called " + ", ".join(missing))
    if extra:
        problems.append(f"{named_by} does not name " + ", ".join(extra))
    hints = [f"{name}: {did_you_mean(name, extra or names)}" for name in missing]
    raise UsageError("; ".join(problems), "\n".join(hints))
