"""What is known of photos without decoding them, remembered by their content.

Header, wholeness and whether a photo was decoded once are kept in one small JSON per folder below the
project's cache. Losing or damaging it costs time, nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2

from toolkit.data.image_bytes import Header, read_header
from toolkit.data.images import read_bytes, read_image
from toolkit.errors import UsageError
from toolkit.files import digest_of, locked, write_text_atomic
from toolkit.progress import Progress, SilentProgress

if TYPE_CHECKING:
    from toolkit.data.contest import Split

_SCHEMA = "trash-photo-facts 1"
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
    memory = _Memory(split)
    known = memory.headers()
    unread = [row for row, content in enumerate(split.contents) if content not in known]
    shown = progress if len(unread) >= _MANY else SilentProgress()
    found: dict[int, Header | Fault] = {}
    with shown.bar(f"reading headers of {split.name}", len(unread), "images") as bar:
        for row in unread:
            found[row] = _header(split.path(row), row)
            bar.advance()
    new = {
        split.contents[row]: header for row, header in found.items() if isinstance(header, Header)
    }
    if new:
        memory.keep(headers=new)
    return [
        found[row] if row in found else known[content] for row, content in enumerate(split.contents)
    ]


def read_headers(root: Path, names: Sequence[str]) -> list[Header | Fault]:
    """Return the header of each photo below `root`, or why there is none; remembers nothing."""
    return [_header(root / name, row) for row, name in enumerate(names)]


def _header(path: Path, row: int) -> Header | Fault:
    try:
        return read_header(read_bytes(path), path)
    except UsageError as error:
        return Fault(row, error)


def undecodable_photos(split: Split, progress: Progress) -> list[Fault]:
    """Return the photos of a split that cannot be decoded; each is tried once in its life.

    Args:
        split: opened, so that its photos are whole and of the size of their records.
        progress: told while decoding.
    """
    memory = _Memory(split)
    known = memory.decoded()
    names = [
        f"{content} {split.images[row].bit_depth}" for row, content in enumerate(split.contents)
    ]
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
    """What is remembered of the photos in the folder of a split; nothing when it has no cache."""

    def __init__(self, split: Split) -> None:
        cache, root = split.cache, split.root.resolve()
        self._file: Path | None = None
        # Data inside the cache is the demo of `--smoke`, which keeps nothing else.
        if cache is not None and not root.is_relative_to(cache.resolve()):
            self._file = cache / "photos" / f"{digest_of(str(root))}.json"

    def headers(self) -> dict[str, Header]:
        """Return content -> header."""
        try:
            return {
                content: Header(*map(int, values))
                for content, values in self._content()["headers"].items()
            }
        except (ValueError, TypeError, LookupError, AttributeError):
            return {}

    def decoded(self) -> set[str]:
        """Return "content bit_depth" of photos that were decoded."""
        try:
            return set(map(str, self._content()["decoded"]))
        except (TypeError, LookupError):
            return set()

    def keep(
        self, headers: Mapping[str, Header] | None = None, decoded: Sequence[str] = ()
    ) -> None:
        """Add to what is remembered."""
        if self._file is None:
            return
        # A cache that cannot be written, or a lock that the file system lacks, costs the memory only.
        with suppress(OSError), locked(self._file, lambda: None):
            facts = {
                "headers": {
                    content: astuple(header)
                    for content, header in (self.headers() | dict(headers or {})).items()
                },
                "decoded": sorted(self.decoded() | set(decoded)),
            }
            checked = {"schema": _SCHEMA, "checksum": _checksum(facts), "facts": facts}
            write_text_atomic(self._file, json.dumps(checked))

    def _content(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            facts = content["facts"]
            if content["schema"] == _SCHEMA and content["checksum"] == _checksum(facts):
                return dict(facts)
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            pass
        return {}


def _checksum(facts: Any) -> str:
    return digest_of(json.dumps(facts, sort_keys=True))
