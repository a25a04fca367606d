"""The house: imports point down its layers, in no circle, and a name means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]

LAYERS = (
    (
        "errors",
        "file_schema",
        "files",
        "lifetime",
        "memory",
        "packages",
        "progress",
        "project",
        "seeds",
        "shapes_only",
        "suggestions",
        "tables",
        "wording",
    ),
    ("plugin",),
    ("metrics", "recipe", "records", "workspace"),
    ("data", "demo", "formats", "objects", "postprocess"),
    ("ensemble", "predict", "train"),
    ("pseudo", "submission"),
    ("builtins", "experiment", "search"),
    ("frames", "report", "testing"),
    ("cli",),
)
"""Rooms from the ground up: each may use those of its own layer and of the layers below."""


def test_every_room_is_in_a_layer() -> None:
    rooms = {_room(name) for name in _modules()}
    assert rooms == {room for layer in LAYERS for room in layer}


def test_no_import_points_upwards() -> None:
    height = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    upwards = [
        f"{name} imports {other}"
        for name, imported in _imports().items()
        for other in imported
        if height[_room(other)] > height[_room(name)]
    ]
    assert not upwards


def test_no_imports_form_a_circle() -> None:
    rooms: dict[str, set[str]] = defaultdict(set)
    for name, imported in _imports().items():
        rooms[_room(name)] |= {_room(other) for other in imported} - {_room(name)}
    for graph in (_imports(), rooms):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            raise AssertionError(" -> ".join(error.args[1])) from None


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for name, path in _modules().items():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(name)
    assert not {name: where for name, where in places.items() if len(where) > 1}


@cache
def _modules() -> dict[str, Path]:
    """Return every module but the front doors and the templates, which are for plugin authors."""
    found = {}
    for path in sorted((ROOT / "toolkit").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name not in ("toolkit", "toolkit.__main__") and "templates" not in parts:
            found[name] = path
    return found


def _room(name: str) -> str:
    return name.split(".")[1]


@cache
def _imports() -> dict[str, set[str]]:
    """Return the modules that each module imports, at the top or within a function."""
    return {
        name: {each for each in _imported(ast.parse(path.read_text())) if each in _modules()}
        for name, path in _modules().items()
    }


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in _modules() else node.module
