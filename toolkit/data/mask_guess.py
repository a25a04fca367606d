"""A guess which classes the values or colours of masks are, from them and files beside them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.data.class_tables import ClassTable, class_tables
from toolkit.data.image_groups import ImageGroup
from toolkit.data.mask_pixels import Reading, colour_of, look_into, number_of
from toolkit.errors import UsageError
from toolkit.wording import counted, some_of

_LOOKED_AT = 300
"""Masks whose values are counted, spread over all of them."""
_MOST_PIXELS = 10**9
_MOST_CLASSES = 254
_VOID = ("void", "ignore", "ignored", "unlabeled", "unlabelled", "dontcare")
_NOTHING = ("background", "bg", "nothing", "none", "other")
_BORDER = 255


@dataclass(frozen=True)
class MaskGuess:
    """What the pixels of masks are, as `data.format` and `data.background` say it.

    Attributes:
        parameters: `values` or `colours`, and `ignore`.
        background: name of label 0.
        classes: names of the other labels, in order.
        notes: what was guessed, for people.
    """

    parameters: dict[str, Any]
    background: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]


def guess_masks(folder: Path, groups: Sequence[ImageGroup]) -> MaskGuess:
    """Look at masks, and guess.

    Args:
        folder: what was looked at.
        groups: the groups of masks.

    Raises:
        UsageError: the masks cannot be read, or have too many values for classes.
    """
    reading: Reading = "colours" if all(group.in_colours for group in groups) else "values"
    most = max(1, _LOOKED_AT // len(groups))
    paths = [path for group in groups for path in group.spread(most)]
    pixels: Counter[int] = Counter()
    for path in paths:
        pixels.update(look_into(folder / path, reading, _MOST_PIXELS).counts)
    if len(pixels) > _MOST_CLASSES + 2:
        raise UsageError(
            f"the masks in {groups[0].folder} have {len(pixels)} {reading}, too many for classes",
            "Are these numbers of objects, or pictures? Name the masks by hand: data.format "
            "(docs/data.md).",
        )
    notes = [f"looked at {counted(len(paths), 'mask', 'masks')}: {_shown(pixels, reading)}"]
    table = _table(folder, reading, pixels)
    if table is not None:
        notes.append(f"names of the classes: {os.path.relpath(table.path, folder)}")
        named = _named_by(table, reading, pixels)
    else:
        unfit = [os.path.relpath(each.path, folder) for each in class_tables(folder)]
        notes.append(
            (f"{some_of(unfit)} does not fit the masks" if unfit else "no file names the classes")
            + ": write their names in place of class 1, …"
        )
        named = _numbered(reading, pixels)
    ignored = [key for key, name in named.items() if name is None]
    if ignored:
        total = sum(pixels.values())
        told = [
            f"{_plain(key, reading)} ({pixels[key] / total:.1%} of the pixels)" for key in ignored
        ]
        notes.append(
            f"count for nothing, as no class has them: {', '.join(told)}; a class of its own must "
            "be added to the table, and taken out of ignore"
        )
    keys: dict[str, list[Any]] = {}
    for key, name in named.items():
        if name is not None:
            keys.setdefault(name, []).append(_plain(key, reading))
    background = next((each for each in keys if each.casefold() in _NOTHING), None)
    if background is None:
        background = next(iter(keys))
        notes.append(
            f"label 0 is {background}: the first class, as none is called background; metrics and "
            "files that leave the background out leave it out"
        )
    parameters: dict[str, Any] = {
        reading: {name: each[0] if len(each) == 1 else each for name, each in keys.items()}
    }
    if ignored:
        parameters["ignore"] = [_plain(key, reading) for key in ignored]
    classes = tuple(name for name in keys if name != background)
    return MaskGuess(parameters, background, classes, tuple(notes))


def _shown(pixels: Mapping[int, int], reading: Reading) -> str:
    most = sorted(pixels, key=lambda key: -pixels[key])
    return f"{reading} {some_of([str(_plain(key, reading)) for key in most], 12)}"


def _plain(key: int, reading: Reading) -> int | list[int]:
    return list(colour_of(key)) if reading == "colours" else key


def _table(folder: Path, reading: Reading, pixels: Mapping[int, int]) -> ClassTable | None:
    """Return the first table that knows what most pixels are."""
    for table in class_tables(folder):
        keys = {key for key, _ in _keys(table, reading, pixels)}
        # Files often name neither the background, which most pixels are, nor what is ignored.
        asked = [key for key in pixels if key not in (0, _BORDER)] or list(pixels)
        known = sum(pixels[key] for key in asked if key in keys)
        if 2 * known > sum(pixels[key] for key in asked):
            return table
    return None


def _keys(table: ClassTable, reading: Reading, pixels: Mapping[int, int]) -> list[tuple[int, str]]:
    """Return (value or colour, name) of a table; without values the first class has 0 or 1."""
    if reading == "colours":
        return [(number_of(c), name) for c, name in zip(table.colours, table.names, strict=False)]
    values = table.values
    if not values:
        largest = max((key for key in pixels if key != _BORDER), default=0)
        # One class more than names: 0 is what has no name.
        first = 1 if largest == len(table.names) else 0
        values = tuple(range(first, first + len(table.names)))
    return list(zip(values, table.names, strict=True))


def _named_by(
    table: ClassTable, reading: Reading, pixels: Mapping[int, int]
) -> dict[int, str | None]:
    """Return key -> name, None = ignored: in the order of the table, then what it lacks."""
    named: dict[int, str | None] = {}
    for key, name in _keys(table, reading, pixels):
        named[key] = None if name.casefold() in _VOID else name
    for key in sorted(set(pixels) - set(named)):
        named[key] = "Background" if key == 0 and "Background" not in named.values() else None
    return dict(sorted(named.items())) if reading == "values" else named


def _numbered(reading: Reading, pixels: Mapping[int, int]) -> dict[int, str | None]:
    """Return key -> name, None = ignored, of masks whose classes nobody names."""
    keys = sorted(pixels)
    if reading == "values" and len(keys) == 2 and keys[0] == 0:
        return {0: "Background", keys[1]: "foreground"}
    named: dict[int, str | None] = {}
    for key in keys:
        if reading == "values" and key == _BORDER and len(keys) > 2:
            named[key] = None
        elif key == 0:
            named[key] = "Background"
        elif reading == "colours":
            named[key] = "#{:02x}{:02x}{:02x}".format(*colour_of(key))
        else:
            named[key] = f"class {key}"
    return named
