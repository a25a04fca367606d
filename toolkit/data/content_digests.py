"""Digests of file contents, cached so that a photo is read only once for its digest.

A digest is remembered with the file's place, inode, size and times of change in nanoseconds.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from toolkit.data.folder_memory import Facts, FolderMemory
from toolkit.errors import UsageError
from toolkit.files import digest_of, file_digest
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import Progress, SilentProgress

_VERSION = 2
_DIGEST = re.compile(r"[0-9a-f]{32}")
_THREADS = 8
_MANY = 1 << 28
"""Bytes to be read from which on a bar is shown."""

_TOO_FRESH = 3 * 10**9
"""Nanoseconds. A file that changed so shortly before it was read may change again without another
time: file systems count in steps of up to two seconds. Its digest is not remembered."""

_State = tuple[int, int, int, int]
"""Inode, size, and the times of the last change of the content and of the inode, nanoseconds."""


def content_digests(
    root: Path,
    names: Sequence[str],
    cache: Path | None,
    progress: Progress | None = None,
    *,
    what: str = "image",
) -> tuple[str, ...]:
    """Return the BLAKE2b digest of each file's content, 32 hex characters each.

    Args:
        root: folder that the names are relative to.
        names: the files.
        cache: folder of caches, where digests are remembered; None = they are not.
        progress: shows a bar when much is to be read.
        what: one of the files, for messages.

    Raises:
        UsageError: a file is missing or cannot be read.
    """
    paths = [root / name for name in names]
    states = [_state(path, what) for path in paths]
    memory = FolderMemory("digests", _VERSION, root, cache)
    known = _entries(memory.read())
    found: dict[int, str] = {}
    for row, (name, state) in enumerate(zip(names, states, strict=True)):
        entry = known.get(name)
        if entry is not None and entry[0] == state:
            found[row] = entry[1]
    unread = [row for row in range(len(names)) if row not in found]
    if unread:
        began = time.time_ns()
        found |= _read([paths[row] for row in unread], unread, states, what, progress)
        settled = [row for row in unread if max(states[row][2:]) < began - _TOO_FRESH]
        if settled:
            _remember(memory, root, {names[row]: (states[row], found[row]) for row in settled})
    return tuple(found[row] for row in range(len(names)))


def photo_contents(
    coco: AnnotationSet, root: Path, cache: Path | None, progress: Progress
) -> tuple[str | None, ...]:
    """Return the digest of the content of every image of a file; None where the photo is not there.

    Args:
        coco: the file.
        root: folder that the images' names are relative to.
        cache: folder of caches, where digests are remembered; None = they are not.
        progress: shows a bar when much is to be read.

    Raises:
        UsageError: a photo cannot be read.
    """
    names = [record.file_name for record in coco.images]
    there = [name for name in names if (root / name).is_file()]
    found = dict(zip(there, content_digests(root, there, cache, progress), strict=True))
    return tuple(found.get(name) for name in names)


def content_digest(file: Path, cache: Path | None, *, what: str = "file") -> str:
    """Return the digest of one file's content, remembered like those of `content_digests`.

    Raises:
        UsageError: the file is missing or cannot be read.
    """
    return content_digests(file.parent, [file.name], cache, what=what)[0]


def folder_digest(folder: Path, cache: Path | None) -> str:
    """Return the digest of the names and contents of all files below a folder.

    Raises:
        UsageError: a file cannot be read.
    """
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    contents = content_digests(folder, names, cache, what="file")
    return digest_of(*(part for pair in zip(names, contents, strict=True) for part in pair))


def _state(path: Path, what: str) -> _State:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # a name with a NUL, or that no file system can have
        hint = "Is data.root right?" if what == "image" else ""
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{what} not found: {path} ({why})", hint) from None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _read(
    paths: Sequence[Path],
    rows: Sequence[int],
    states: Sequence[_State],
    what: str,
    progress: Progress | None,
) -> dict[int, str]:
    def digest(path: Path) -> str:
        try:
            return file_digest(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot read the {what}: {error.strerror}") from None

    many = sum(states[row][1] for row in rows) >= _MANY
    shown = progress if progress is not None and many else SilentProgress()
    with (
        shown.bar(f"reading {what}s for their digests", len(rows), f"{what}s") as bar,
        ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool,  # hashing frees the GIL
    ):
        found = {}
        for row, value in zip(rows, pool.map(digest, paths), strict=True):
            found[row] = value
            bar.advance()
    return found


def _entries(facts: Facts) -> dict[str, tuple[_State, str]]:
    """Return name -> state and digest; nothing when the facts are of another form."""
    try:
        return {name: _entry(*values) for name, values in facts.items()}
    except (ValueError, TypeError):
        return {}


def _entry(inode: int, size: int, modified: int, changed: int, digest: str) -> tuple[_State, str]:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    return (inode, size, modified, changed), digest


def _remember(memory: FolderMemory, root: Path, new: Mapping[str, tuple[_State, str]]) -> None:
    def change(facts: Facts) -> Facts:
        known = {name: entry for name, entry in _entries(facts).items() if (root / name).exists()}
        return {name: [*state, digest] for name, (state, digest) in (known | dict(new)).items()}

    memory.update(change)
