"""The columns of a CSV submission with one row per image and class."""

from __future__ import annotations

import re
from collections.abc import Sequence

from toolkit.errors import UsageError
from toolkit.suggestions import did_you_mean
from toolkit.wording import counted

_PLACE = re.compile(r"\{([^{}]*)\}")
_PLACES = ("image", "class", "label", "pixels")
_PIXELS = "{pixels}"
_SHOWN = 60


class RowCells:
    """Templates of the columns, filled in for an image and a class and read back.

    Args:
        templates: one per column; "{image}" stands for the image id, "{class}" for the name of a
            class or "{label}" for its number; one column is "{pixels}".
        columns: names in the header.
        class_names: index = label; 0 = background, which has no rows.

    Attributes:
        pixels_at: position of the column of the pixels, from 0.

    Raises:
        UsageError: the templates do not name image, class and pixels once.
    """

    def __init__(
        self, templates: Sequence[str], columns: Sequence[str], class_names: Sequence[str]
    ) -> None:
        _refuse(templates, columns, len(class_names))
        self._templates = tuple(templates)
        self._class_names = tuple(class_names)
        self._label_of = {name: label for label, name in enumerate(class_names) if label}
        self.pixels_at = self._templates.index(_PIXELS)
        self._around = [
            [_around_image(template, label, name) for template in templates]
            for label, name in enumerate(class_names)
        ]
        known = "|".join(map(re.escape, self._label_of))
        self._patterns = [_pattern(template, known) for template in templates]

    def fill(self, image_id: str, label: int) -> list[str]:
        """Return the columns of one row, nothing in place of the pixels.

        Raises:
            UsageError: another image and class would be read from them.
        """
        cells = [image_id.join(parts) for parts in self._around[label]]
        try:
            is_clear = self.read(cells) == (image_id, label)
        except ValueError:
            is_clear = False
        if not is_clear:
            raise UsageError(
                f"{', '.join(filter(None, cells))} would not be read as "
                f"{self._class_names[label]} of {image_id}",
                "Choose other cells for the columns.",
                parameter="cells",
            )
        return cells

    def read(self, cells: Sequence[str]) -> tuple[str, int]:
        """Return the image id and the label that a row says; its pixels are not looked at.

        Raises:
            ValueError: a column is not as its template, or the class is unknown; says which.
        """
        found: dict[str, str] = {}
        for position, (cell, pattern) in enumerate(zip(cells, self._patterns, strict=True)):
            if position == self.pixels_at:
                continue
            match = pattern.fullmatch(cell)
            if match is None:
                raise ValueError(self._mismatch(position, cell))
            found |= match.groupdict()
        if "class" in found:
            return found["image"], self._label_of[found["class"]]
        number, last = found.get("label", "1"), len(self._class_names) - 1
        if len(number) > len(str(last)) or not 1 <= int(number) <= last:
            raise ValueError(f"label {number[:_SHOWN]} has no rows; those that have are 1…{last}")
        return found["image"], int(number)

    def _mismatch(self, position: int, cell: str) -> str:
        template = self._templates[position]
        loose = _pattern(template, ".+").fullmatch(cell) if "{class}" in template else None
        if loose is not None:
            class_name = loose["class"]
            near = did_you_mean(class_name, self._label_of)
            return (
                f"field {position + 1}: there is no class '{class_name[:_SHOWN]}'. {near}".rstrip()
            )
        return f"field {position + 1} is '{cell[:_SHOWN]}', expected {template}"


def _around_image(template: str, label: int, class_name: str) -> list[str]:
    """Return what stands before and after the image id, or all when the column has none."""
    values = {"label": str(label), "class": class_name, "pixels": ""}
    around = template.split("{image}")
    return [_PLACE.sub(lambda place: values[place[1]], each) for each in around]


def _pattern(template: str, class_name: str) -> re.Pattern[str]:
    # The shortest image id leaves the longest class name: "a_plastic_bag" is no "bag".
    parts = {"image": "(?P<image>.*?)", "label": "(?P<label>[0-9]+)", "pixels": ""}
    parts["class"] = f"(?P<class>{class_name})"
    literals = _PLACE.split(template)
    pieces = [parts[p] if i % 2 else re.escape(p) for i, p in enumerate(literals)]
    return re.compile("".join(pieces), re.DOTALL)


def _refuse(templates: Sequence[str], columns: Sequence[str], n_classes: int) -> None:
    if n_classes < 2:
        raise UsageError("there is no class beside the background: nothing would have a row")
    if len(templates) != len(columns):
        raise UsageError(
            f"{counted(len(columns), 'column', 'columns')}, but "
            f"{counted(len(templates), 'cell', 'cells')}: each column needs one",
            parameter="cells",
        )
    places = [place for template in templates for place in _PLACE.findall(template)]
    for place in places:
        if place not in _PLACES:
            raise UsageError(
                f"{{{place}}} is unknown", did_you_mean(place, _PLACES), parameter="cells"
            )
    n_of_class = places.count("class") + places.count("label")
    for what, is_right in (
        ("{image} in one column", places.count("image") == 1),
        ("{pixels} as one column", places.count("pixels") == list(templates).count(_PIXELS) == 1),
        (
            "{label} or {class} in one column",
            n_of_class == 1 or (n_classes == 2 and not n_of_class),
        ),
    ):
        if not is_right:
            raise UsageError(
                f"the cells must have {what}: {', '.join(templates)}", parameter="cells"
            )
