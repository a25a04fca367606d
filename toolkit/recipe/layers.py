"""From files and overrides to one table of values, each with its origin."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.recipe.assignment import parse_assignment
from toolkit.recipe.positions import key_lines
from toolkit.recipe.problems import KeyPath, Origin, RecipeError, RecipeProblem, dotted, shown_path
from toolkit.recipe.schema_keys import SCHEMA_KEYS, values_at
from toolkit.suggestions import did_you_mean


@dataclass
class Layers:
    """Merged values and where each comes from.

    Attributes:
        values: the merged table.
        origins: origin of every key and array element that a layer wrote.
        files: of the recipe itself, without those that it extends: one, or those of a study.
    """

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    files: frozenset[Path] = frozenset()

    def merge(self, values: Mapping[str, Any], origin_of: Callable[[KeyPath], Origin]) -> None:
        """Lay `values` over the present ones: tables merge, everything else replaces.

        A table whose `name` changes is replaced whole: the parameters of another component mean
        nothing to the new one. A name that may stand for a table becomes one.
        """
        self._merge_table(self.values, _with_tables(values), (), origin_of)

    def _merge_table(
        self,
        target: dict[str, Any],
        values: Mapping[str, Any],
        path: KeyPath,
        origin_of: Callable[[KeyPath], Origin],
    ) -> None:
        for key, value in values.items():
            here = (*path, key)
            present = target.get(key)
            if isinstance(present, dict) and isinstance(value, Mapping):
                if "name" in value and "name" in present and value["name"] != present["name"]:
                    present.clear()
                    self._forget(here)
                self.origins[here] = origin_of(here)
                self._merge_table(present, value, here, origin_of)
            else:
                self._forget(here)
                target[key] = _copy(value)
                for below in _paths(value, here):
                    self.origins[below] = origin_of(below)

    def _forget(self, path: KeyPath) -> None:
        for key in [key for key in self.origins if key[: len(path)] == path]:
            del self.origins[key]

    def origin(self, path: Sequence[str | int]) -> Origin | None:
        """Return the origin of the key, or of the nearest table around it."""
        for length in range(len(path), 0, -1):
            found = self.origins.get(tuple(path[:length]))
            if found is not None:
                return found
        return None

    def set(self, text: str) -> None:
        """Apply one `--set key=value`, `--set key+=value` or `--set array.0.key=value`.

        Raises:
            UsageError: the text is no assignment, or names an element that is not there.
        """
        path, operator, value = parse_assignment(text)
        origin = Origin(word=f"--set {text}")
        if operator == "+=":
            present = self._at(path)
            if not isinstance(present, list):
                raise UsageError(
                    f"--set {text}: {dotted(path)} is not an array, so += cannot append to it"
                )
            path = (*path, len(present))
            present.append(value)
            for below in _paths(value, path):
                self.origins[below] = origin
            return
        depth = next((i for i, part in enumerate(path) if isinstance(part, int)), None)
        if depth is None:
            nested: Any = value
            for key in reversed(path):
                nested = {key: nested}
            self.merge(nested, lambda _: origin)
            return
        array = self._at(path[:depth])
        index = path[depth]
        if not isinstance(array, list) or not isinstance(index, int) or index >= len(array):
            count = len(array) if isinstance(array, list) else 0
            elements = "1 element" if count == 1 else f"{count} elements"
            raise UsageError(
                f"--set {text}: {dotted(path[:depth])} has {elements}; the first one is 0"
            )
        # The element is edited in a layer of its own, then put back.
        element = Layers({"element": array[index]})
        nested = value
        for key in reversed(path[depth + 1 :]):
            nested = {key: nested}
        element.merge({"element": nested}, lambda _: origin)
        array[index] = element.values["element"]
        for below in element.origins:
            self.origins[(*path[: depth + 1], *below[1:])] = origin

    def _at(self, path: KeyPath) -> Any:
        """Return the value at `path`, None where there cannot be one; an absent array is made."""
        current: Any = self.values
        for position, part in enumerate(path):
            if isinstance(current, dict) and isinstance(part, str):
                # An array that the recipe left out is empty.
                absent: Any = [] if position == len(path) - 1 else {}
                current = current.setdefault(part, absent)
            elif isinstance(current, list) and isinstance(part, int) and part < len(current):
                current = current[part]
            else:
                return None
        return current

    def unset(self, key: str) -> None:
        """Remove a key, so that its default applies.

        Raises:
            UsageError: the recipe does not have the key.
        """
        path = tuple(key.split("."))
        table: Any = self.values
        if any(part.isdecimal() for part in path):
            raise UsageError(
                f"--unset {key}: elements of an array cannot be removed one by one",
                "Write the whole array: --set KEY=[…]",
            )
        for part in path[:-1]:
            table = table.get(part, {}) if isinstance(table, dict) else {}
        if not isinstance(table, dict) or path[-1] not in table:
            present = [
                dotted(known) for known in self.origins if all(isinstance(p, str) for p in known)
            ]
            raise UsageError(
                f"--unset {key}: the recipe does not set it", did_you_mean(key, present)
            )
        del table[path[-1]]
        self._forget(path)


def _with_tables(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return values with `{"name": …}` in place of each component that is written as its name."""
    for path in (key.path for key in SCHEMA_KEYS if key.by_name):
        for _, written in values_at(values, path):
            if isinstance(written, str):
                values = _replaced(values, path, {"name": written})
    return values


def _replaced(values: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**values, name: _replaced(values[name], rest, value) if rest else value}


def read_layers(path: Path) -> Layers:
    """Read a recipe file and everything it extends, the most basic first.

    Raises:
        UsageError: a file is missing or not TOML.
        RecipeError: `extends` is wrong.
    """
    layers = Layers(files=frozenset({path}))
    _read_into(layers, path, chain=())
    return layers


def _read_into(layers: Layers, path: Path, chain: tuple[Path, ...]) -> None:
    values, lines = read_toml(path)
    if "study" in values:
        raise UsageError(
            f"{shown_path(path)} is a study, not a recipe",
            f"Run it: trash study run {shown_path(path)}; one variant of it alone is a recipe: "
            f"{path.name}#NAME",
        )
    bases = values.pop("extends", [])
    origin = Origin(path, lines.get(("extends",)))
    if isinstance(bases, str):
        bases = [bases]
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise RecipeError(
            path, [RecipeProblem(origin, "extends", "must be a path or an array of paths")]
        )
    for base in bases:
        target = _resolve(path.parent / base)
        if target is not None and target in (*chain, path.resolve()):
            loop = " -> ".join(shown_path(file) for file in (*chain, path.resolve(), target))
            raise RecipeError(
                path,
                [
                    RecipeProblem(
                        origin, "extends", f"the recipes extend each other in a circle: {loop}"
                    )
                ],
            )
        if target is None or not target.is_file():
            near = did_you_mean(base, _recipes_beside(path))
            raise RecipeError(
                path,
                [
                    RecipeProblem(
                        origin, "extends", f"there is no file {base} (relative to this file)", near
                    )
                ],
            )
        _read_into(layers, target, (*chain, path.resolve()))
    layers.merge(values, lambda key: Origin(path, line_of(lines, key)))


def _resolve(path: Path) -> Path | None:
    """Return the path without links and dots, or None when there can be no such file."""
    try:
        return path.resolve() if path.exists() else None
    except (OSError, ValueError):  # too long for the file system, a NUL in it
        return None


def _recipes_beside(path: Path) -> Iterable[str]:
    folder = path.parent
    return [
        found.relative_to(folder).as_posix() for found in folder.glob("**/*.toml") if found != path
    ]


def read_toml(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Return the values of a TOML file, and the line of every key and array element.

    Raises:
        UsageError: missing, or not TOML; with the line.
    """
    text = ""
    try:
        # Editors on Windows begin files with a byte order mark.
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), key_lines(text)
    except FileNotFoundError:
        hint = did_you_mean(path.name, [found.name for found in path.parent.glob("*.toml")])
        raise UsageError(f"there is no recipe {shown_path(path)}", hint) from None
    except IsADirectoryError:
        raise UsageError(f"{shown_path(path)} is a folder, not a recipe") from None
    except UnicodeDecodeError:
        raise UsageError(f"{shown_path(path)} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else text.rstrip().count("\n") + 1
        raise UsageError(f"{shown_path(path)}:{line}: not valid TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{shown_path(path)} is nested too deeply") from None
    except OSError as error:
        raise UsageError(f"cannot read {shown_path(path)}: {error.strerror}") from None
    except ValueError as error:  # a number of thousands of digits
        raise UsageError(f"{shown_path(path)}: not valid TOML: {error}") from None


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of a key, or of the nearest table around it."""
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)


def _paths(value: Any, path: KeyPath) -> Iterable[KeyPath]:
    yield path
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*path, index))


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value
