"""Suggesting the file that a wrong name probably means."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Collection
from os.path import normpath
from pathlib import Path
from urllib.parse import unquote

from toolkit.errors import UsageError
from toolkit.suggestions import nearest
from toolkit.wording import some_of

_MANY = 20_000
"""Files of a folder above which no similar name is looked for, only an equal one."""


def near_file(root: Path, name: str, others: Collection[str] = ()) -> str | None:
    """Return the name of a file below `root` that `name` may mean, or None.

    Found are other ways to write the same name (composed or decomposed letters, upper and lower
    case, blanks at its ends, `%20`, backslashes), the same file in `root` itself, and similar names
    beside it. `others` (relative to `root`) are never returned: other names mean those files.
    """
    taken = {normpath(root / other) for other in others}
    wanted = Path(unquote(name.replace("\\", "/")).strip())
    if wanted.is_absolute() or ".." in wanted.parts:
        return None
    # Each folder of the way may be written in another way, too.
    folder = root
    for part in wanted.parts[:-1]:
        same = _same(_names(folder), part)
        if same is None:
            folder = root
            break
        folder /= same
    beside = [each for each in _names(folder) if normpath(folder / each) not in taken]
    near = _same(beside, wanted.name)
    if near is None and len(beside) <= _MANY:
        near = nearest(wanted.name, beside)
    return None if near is None else (folder / near).relative_to(root).as_posix()


def not_found(path: Path, key: str = "") -> UsageError:
    """Return the error of a file that is not there, with the near one.

    Args:
        path: the file.
        key: of the recipe, that names it; empty = it was named by itself.
    """
    what = f"{key}: {path}" if key else str(path)
    if os.path.isdir(path):  # a name too long for a file is no folder
        return UsageError(f"{what} is a folder", "Name a file.")
    try:
        beside = [child.name for child in path.parent.iterdir()]
    except OSError:
        return UsageError(f"{what} not found", f"There is no folder {path.parent}.")
    files = sorted(name for name in beside if name.endswith(path.suffix))
    near = nearest(path.name, files) or nearest(path.name, beside)
    there = (
        f"{path.parent} holds {some_of(files)}." if files else f"{path.parent} holds no such file."
    )
    return UsageError(f"{what} not found", f"Did you mean {near}?" if near else there)


def _names(folder: Path) -> list[str]:
    try:
        return [child.name for child in folder.iterdir()]
    except (OSError, ValueError):
        return []


def _same(names: list[str], wanted: str) -> str | None:
    if wanted in names:
        return wanted
    plain = _plain(wanted)
    return next((name for name in names if _plain(name) == plain), None)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", unquote(name)).casefold().strip()
