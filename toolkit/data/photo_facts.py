"""Headers and faults of photos, cached by their content.

The cache keeps the headers of whole photos, and which photos could be decoded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from toolkit.data.folder_memory import Facts, FolderMemory
from toolkit.data.image_bytes import Header, read_header
from toolkit.data.images import read_bytes, read_image
from toolkit.errors import UsageError
from toolkit.progress import Progress, SilentProgress

if TYPE_CHECKING:
    from toolkit.data.split import Split

_VERSION = 3
_THREADS = 8
_MANY = 1000
"""Photos to be read from which on a bar is shown."""


@dataclass(frozen=True)
class Fault:
    """Why a photo cannot be read."""

    row: int
    error: UsageError


def headers_of(split: Split, progress: Progress) -> list[Header | Fault]:
    """Return the header of each photo of a split, or why there is none.

    Args:
        split: its photos are there.
        progress: shows a bar when many photos have to be read.
    """
    return known_headers(split.root, split.file_names, split.contents, split.cache, progress)


def known_headers(
    root: Path,
    names: Sequence[str],
    contents: Sequence[str],
    cache: Path | None,
    progress: Progress,
) -> list[Header | Fault]:
    """Return the header of each photo, or why there is none; remembered by content.

    Args:
        root: folder that the names are relative to.
        names: the photos, which are there.
        contents: digest of the content of each.
        cache: folder of caches; None = nothing is remembered.
        progress: shows a bar when many photos have to be read.
    """
    memory = _Memory(root, cache)
    known = memory.headers()
    unread = [row for row, content in enumerate(contents) if content not in known]
    shown = progress if len(unread) >= _MANY else SilentProgress()
    found: dict[int, Header | Fault] = {}
    with shown.bar("reading headers of photos", len(unread), "images") as bar:
        for row in unread:
            found[row] = _header(root / names[row], row)
            bar.advance()
    new = {contents[row]: header for row, header in found.items() if isinstance(header, Header)}
    if new:
        memory.keep(headers=new)
    return [found[row] if row in found else known[content] for row, content in enumerate(contents)]


def read_headers(root: Path, names: Sequence[str]) -> list[Header | Fault]:
    """Return the header of each photo below `root`, or why there is none; remembers nothing."""
    return [_header(root / name, row) for row, name in enumerate(names)]


def _header(path: Path, row: int) -> Header | Fault:
    try:
        return read_header(read_bytes(path), path)
    except UsageError as error:
        return Fault(row, error)


def undecodable_photos(split: Split, progress: Progress) -> list[Fault]:
    """Return the photos of a split that cannot be decoded; the result of each is cached.

    Args:
        split: opened, so that its photos are whole and of the size of their records.
        progress: told while decoding.
    """
    memory = _Memory(split.root, split.cache)
    known = memory.decoded_photos()
    names = [f"{content} {split.images[row].reading}" for row, content in enumerate(split.contents)]
    untried = [row for row, name in enumerate(names) if name not in known]
    if not untried:
        return []

    def fault_of(row: int) -> Fault | None:
        try:
            read_image(split.path(row), split.images[row])
        except UsageError as error:
            return Fault(row, error)
        return None

    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        progress.bar(f"checking images of {split.name}", len(untried), "images") as bar,
        ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool,
    ):
        faults = []
        for fault in pool.map(fault_of, untried):
            faults += [fault] if fault else []
            bar.advance()
    wrong = {fault.row for fault in faults}
    memory.keep(decoded=[names[row] for row in untried if row not in wrong])
    return faults


class _Memory:
    """What is remembered of the photos in a folder."""

    def __init__(self, root: Path, cache: Path | None) -> None:
        self._facts = FolderMemory("photos", _VERSION, root, cache)

    def headers(self) -> dict[str, Header]:
        """Return content -> header."""
        try:
            return {
                content: Header(*map(int, values))
                for content, values in self._facts.read()["headers"].items()
            }
        except (ValueError, TypeError, LookupError, AttributeError):
            return {}

    def decoded_photos(self) -> set[str]:
        """Return content and `reading` of photos that were decoded."""
        try:
            return set(map(str, self._facts.read()["decoded"]))
        except (TypeError, LookupError):
            return set()

    def keep(
        self, headers: Mapping[str, Header] | None = None, decoded: Sequence[str] = ()
    ) -> None:
        """Add to what is remembered."""

        def change(_: Facts) -> Facts:
            every = self.headers() | dict(headers or {})
            return {
                "headers": {content: astuple(header) for content, header in every.items()},
                "decoded": sorted(self.decoded_photos() | set(decoded)),
            }

        self._facts.update(change)
