"""Files that say which class a value or a colour of masks is: lists, colour tables, CSV files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from toolkit.plugin.reader import Colour

_CALLED = re.compile(r"class|label|categor|colou?r|names|map|dict|palette|legend")
_ENDINGS = (".txt", ".csv", ".names", ".tsv", ".json")
_LARGEST = 1 << 16
"""Bytes of such a file."""
_SEPARATOR = re.compile(r"[\s,;:=]+")
_MOST_WORDS = 8


@dataclass(frozen=True)
class ClassTable:
    """The classes of a file, in its order.

    Attributes:
        path: the file.
        names: of the classes.
        values: value of each, where the file numbers them; else empty.
        colours: colour of each, where the file has them; else empty.
    """

    path: Path
    names: tuple[str, ...]
    values: tuple[int, ...] = ()
    colours: tuple[Colour, ...] = ()


def class_tables(folder: Path) -> Iterator[ClassTable]:
    """Yield what files below a folder, at most two folders deep, say of classes."""
    for pattern in ("*", "*/*", "*/*/*"):
        for path in sorted(folder.glob(pattern)):
            if path.suffix.lower() in _ENDINGS and _CALLED.search(path.stem.casefold()):
                found = read_class_table(path)
                if found is not None:
                    yield found


def read_class_table(path: Path) -> ClassTable | None:
    """Return the classes of a file; None where it is of another kind.

    JSON has a list of names, an object of names and values either way round, or a list of objects
    with `name` and `id`. In text a line is a name, a number and a name, or a name and three numbers
    of a colour, in any order; a first line of words alone is a header where all others have
    numbers. What begins with # is none.
    """
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    if path.suffix.lower() == ".json":
        return _of_json(path, text)
    lines = text.splitlines()
    rows = [_row(line) for line in lines if line.strip() and not line.startswith("#")]
    if len(rows) > 1 and not rows[0][1] and all(numbers for _, numbers in rows[1:]):
        del rows[0]
    names = tuple(name for name, _ in rows)
    numbers = [numbers for _, numbers in rows]
    if not all(names) or len(set(names)) < len(names) or len(names) < 2:
        return None
    if all(len(each) >= 3 and max(each[-3:]) <= 255 for each in numbers):
        colours = tuple((each[-3], each[-2], each[-1]) for each in numbers)
        values = tuple(each[0] for each in numbers if len(each) > 3)
        return ClassTable(path, names, values if len(set(values)) == len(names) else (), colours)
    if all(len(each) == 1 for each in numbers):
        values = tuple(each[0] for each in numbers)
        return ClassTable(path, names, values) if len(set(values)) == len(names) else None
    return ClassTable(path, names) if not any(numbers) else None


def _of_json(path: Path, text: str) -> ClassTable | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if isinstance(found, list) and all(isinstance(each, dict) for each in found):
        found = {each.get("name"): each.get("id") for each in found}
    if isinstance(found, dict):
        if all(isinstance(value, str) for value in found.values()):  # value -> name
            found = {name: key for key, name in found.items()}
        values = [value for value in found.values() if str(value).isdecimal()]
        if len(values) < len(found) or len({int(each) for each in values}) < len(found):
            return None
        names, numbers = tuple(found), tuple(int(each) for each in values)
    else:
        names, numbers = (tuple(found) if isinstance(found, list) else ()), ()
    is_fit = len(names) > 1 and all(isinstance(name, str) and name for name in names)
    return ClassTable(path, names, numbers) if is_fit and len(set(names)) == len(names) else None


def _row(line: str) -> tuple[str, list[int]]:
    """Return the words of a line, and its whole numbers."""
    parts = [part for part in _SEPARATOR.split(line.strip().strip('"')) if part]
    numbers = [int(part) for part in parts if part.isdecimal() and len(part) < 6]
    words = [part.strip('"') for part in parts if not part.isdecimal()]
    return ("" if len(words) > _MOST_WORDS else " ".join(words)), numbers
