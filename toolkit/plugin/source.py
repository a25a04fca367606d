"""The source files that a component's results depend on, and their digest."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from toolkit.files import digest_of
from toolkit.plugin import team
from toolkit.plugin.registry import BUILTIN, Entry

_INIT = "__init__.py"


def source_files(entry: Entry) -> list[Path]:
    """Return the files of a component: its module or package, and its own files that these import.

    Of a built-in that is the file of its factory; the rest of the toolkit counts by its version. A
    module that imports by names made at run time counts with all shared files (`_*.py`) beside it.
    """
    files = {file for file in (entry.file, _registering_file(entry)) if file is not None}
    for file in list(files):
        if file.name == _INIT:
            files.update(file.parent.glob("*.py"))
    if entry.source == BUILTIN:
        return sorted(files)
    waiting = list(files)
    while waiting:
        new = set(_imported_files(waiting.pop())) - files
        files |= new
        waiting += new
    return sorted(files)


def _registering_file(entry: Entry) -> Path | None:
    """Return the file of a project's plugin: its factory may be made from parts of another one."""
    for folder in map(Path, team.__path__ if entry.source != BUILTIN else ()):
        for file in (folder / f"{entry.source}.py", folder / entry.source / _INIT):
            if file.is_file():
                return file
    return None


def _imported_files(file: Path) -> Iterator[Path]:
    """Yield the files of the same plugin, package or `plugins/` folder that a file imports."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # what cannot be parsed was not imported either
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield from _files_of(file, 0, each.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield from _files_of(file, node.level, base)
            for each in node.names:
                yield from _files_of(file, node.level, f"{base}.{each.name}".lstrip("."))
        elif isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in ("import_module", "__import__"):
                yield from (path.resolve() for path in file.parent.glob("_*.py"))


def _files_of(file: Path, level: int, module: str) -> Iterator[Path]:
    """Yield the files of a module that a file names, with those of the packages around it."""
    parts = module.split(".") if module else []
    if level:
        folder = file.parents[level - 1] if level <= len(file.parents) else file.parent
    elif module.startswith(f"{team.__name__}.") and team.__path__:
        folder, parts = Path(team.__path__[0]), parts[team.__name__.count(".") + 1 :]
    elif parts and parts[0].startswith("_") and file.with_name(f"{parts[0]}.py").is_file():
        folder = file.parent
    else:
        top = _top_package(file)
        if top is None or parts[:1] != [top.name]:
            return
        folder = top.parent
    for depth in range(1, len(parts) + 1):
        place = folder.joinpath(*parts[:depth])
        for found in (place.with_name(f"{place.name}.py"), place / _INIT):
            if found.is_file():
                yield found


def _top_package(file: Path) -> Path | None:
    """Return the outermost package that a file lies in."""
    found = None
    for folder in file.parents:
        if not (folder / _INIT).is_file():
            break
        found = folder
    return found


def source_digest(*entries: Entry) -> str:
    """Return the digest of the files that make some components."""
    files = {file for entry in entries for file in source_files(entry)}
    return digest_of(*(part for file in sorted(files) for part in (file.name, file.read_bytes())))
