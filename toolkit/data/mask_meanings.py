"""From what a recipe says of pixel values or colours to the table of masks and its categories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from toolkit.errors import UsageError
from toolkit.files import read_text
from toolkit.plugin.reader import Category, Colour, MaskTable, Meaning
from toolkit.recipe.data_folder import data_file
from toolkit.wording import some_of

Named = tuple[MaskTable, tuple[Category, ...]]
_Key = TypeVar("_Key", int, Colour)

_DEEPEST = 2**16 - 1


@dataclass(frozen=True)
class MaskClasses:
    """What the pixels of masks mean, in one of the ways that a recipe may say it.

    Attributes:
        background: name of label 0: a class of this name is no category.
        values: class -> its pixel values.
        colours: class -> its colours.
        names: classes in the order of their values, or a file with one name on each line.
        first_value: value of the first name.
        ignore: values or colours that count for nothing.
        labels: `data.classes`: without any of the above, values are labels.

    Raises:
        UsageError: two of the ways at once, or none; a value or colour with two meanings.
    """

    background: str
    values: Mapping[str, Sequence[int]] | None = None
    colours: Mapping[str, Sequence[Colour]] | None = None
    names: str | tuple[str, ...] | None = None
    first_value: int = 0
    ignore: tuple[int | Colour, ...] = ()
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ways = {"values": self.values, "colours": self.colours, "classes": self.names}
        said = [name for name, value in ways.items() if value is not None]
        if len(said) > 1:
            raise UsageError(
                f"data.format has {' and '.join(said)}", "Keep one of them.", parameter=said[1]
            )
        if not said and not self.labels:
            raise UsageError(
                "nothing says which class the values of the masks are",
                "Set data.classes if the values are labels (1, 2, … in its order, 0 = background); "
                "else data.format.values, colours or classes.",
            )
        if not isinstance(self.names, str):
            self.meanings(Path())

    def meanings(self, root: Path) -> Named:
        """Return the table, and the categories in the order of their values or colours.

        Args:
            root: folder that a file with names is relative to.

        Raises:
            UsageError: the file cannot be read or repeats a name; a value or colour has two
                meanings, or is none.
        """
        if self.colours is not None:
            return self._colour_table(self.colours)
        if self.values is not None:
            return self._value_table(self.values)
        if self.names is not None:
            names = (
                self._read_names(data_file(root, self.names))
                if isinstance(self.names, str)
                else None
            )
            listed = names or self.names
            _refuse_repeated(listed, str(self.names) if names else "data.format.classes")
            ordered = {name: (self.first_value + row,) for row, name in enumerate(listed)}
            return self._value_table(ordered)
        names = (self.background, *self.labels)
        return self._value_table({name: (label,) for label, name in enumerate(names)})

    def _read_names(self, path: Path) -> tuple[str, ...]:
        lines = read_text(path, "list of classes").rstrip().splitlines()
        empty = [str(number) for number, line in enumerate(lines, start=1) if not line.strip()]
        if empty or not lines:
            where = f"line {some_of(empty)} is empty" if empty else "no class"
            raise UsageError(f"{path}: {where}", "Each line is the name of a class.")
        return tuple(line.strip() for line in lines)

    def _value_table(self, values: Mapping[str, Sequence[int]]) -> Named:
        ignored = [value for value in self.ignore if isinstance(value, int)]
        if len(ignored) < len(self.ignore):
            raise UsageError(
                "data.format.ignore has colours, but masks are read as values", parameter="ignore"
            )
        for value in [*ignored, *(each for own in values.values() for each in own)]:
            if not 0 <= value <= _DEEPEST:
                raise UsageError(f"data.format: {value} is no pixel value, 0…{_DEEPEST}")
        ordered = sorted(values, key=lambda name: min(values[name], default=-1))
        meanings, categories = self._numbered({name: values[name] for name in ordered}, ignored)
        return MaskTable(values=meanings), categories

    def _colour_table(self, colours: Mapping[str, Sequence[Colour]]) -> Named:
        ignored = [colour for colour in self.ignore if not isinstance(colour, int)]
        if len(ignored) < len(self.ignore):
            raise UsageError(
                "data.format.ignore has values, but masks are read as colours",
                "Write a colour as [255, 255, 255].",
                parameter="ignore",
            )
        for colour in [*ignored, *(each for own in colours.values() for each in own)]:
            if not all(0 <= part <= 255 for part in colour):
                raise UsageError(f"data.format: {list(colour)} is no colour, 0…255 each")
        meanings, categories = self._numbered(colours, ignored)
        return MaskTable(colours=meanings), categories

    def _numbered(
        self, named: Mapping[str, Sequence[_Key]], ignored: Iterable[_Key]
    ) -> tuple[dict[_Key, Meaning], tuple[Category, ...]]:
        """Give each class but the background a category, numbered from 1."""
        classes = [name for name in named if name != self.background]
        number = {name: row for row, name in enumerate(classes, start=1)}
        meanings: dict[_Key, Meaning] = {}
        for name, keys in named.items():
            for key in keys:
                _refuse_known(key, meanings)
                meanings[key] = "background" if name == self.background else number[name]
        for key in ignored:
            _refuse_known(key, meanings)
            meanings[key] = "ignored"
        return meanings, tuple(Category(number[name], name) for name in classes)


def _refuse_known(key: int | Colour, meanings: Container[int | Colour]) -> None:
    if key in meanings:
        shown = list(key) if isinstance(key, tuple) else key
        raise UsageError(f"data.format gives {shown} two meanings", "Name it once.")


def _refuse_repeated(names: Iterable[str], where: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise UsageError(f"{where} repeats {some_of(repeated)}")
