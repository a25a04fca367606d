"""Which plugin files of a folder this user has run before: new and changed ones are named.

Kept in the user's own state folder by the place of `plugins/` and the content of its files, never
inside a project: a stranger's clone could bring such a mark along.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from toolkit.files import digest_of, file_digest, write_json_atomic

_COMPILED = tuple(EXTENSION_SUFFIXES)


def unseen_files(folder: Path) -> tuple[list[str], bool]:
    """Return the new or changed Python files of a `plugins/` folder, and whether all are new.

    Args:
        folder: is searched with its subfolders; may be missing.
    """
    seen = _read(folder)
    names = [name for name, digest in _digests(folder).items() if seen.get(name) != digest]
    return names, not seen


def remember_files(folder: Path) -> None:
    """Note the files as they are now; if that cannot be written, they are named again next time."""
    with suppress(OSError, RuntimeError):
        write_json_atomic(
            _record(folder), {"folder": str(folder.resolve()), "files": _digests(folder)}
        )


def _digests(folder: Path) -> dict[str, str]:
    # Each entry by itself: a package that is a link is searched, too.
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    found = {}
    for file in (file for entry in entries for file in _python_files(entry)):
        with suppress(OSError):  # a dangling link, a file that went away: importing it will say so
            found[file.relative_to(folder).as_posix()] = file_digest(file)
    return found


def _python_files(entry: Path) -> list[Path]:
    files = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
    return [file for file in files if file.suffix == ".py" or file.name.endswith(_COMPILED)]


def _record(folder: Path) -> Path:
    """Return the file that holds what was seen of a folder.

    Raises:
        RuntimeError: the user has no home folder.
    """
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # the specification tells to ignore others
        state = Path.home() / ".local" / "state"
    return state / "trash" / "plugins" / f"{digest_of(os.fsencode(folder.resolve()))}.json"


def _read(folder: Path) -> dict[str, str]:
    try:
        files = json.loads(_record(folder).read_bytes())["files"]
    except (OSError, RuntimeError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}
