"""Photos that look alike: their perceptual hashes, remembered by content, and units of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.folder_memory import Facts, FolderMemory
from toolkit.data.images import MAX_MEGAPIXELS, read_bytes
from toolkit.data.perceptual_hash import near_photos, perceptual_hash
from toolkit.data.photo_facts import Fault
from toolkit.errors import UsageError
from toolkit.progress import Progress, SilentProgress

_VERSION = 1
_HASH = re.compile(r"(?:[0-9a-f]{64})?")
_THREADS = 8
_MANY = 1000
"""Photos to be hashed from which on a bar is shown."""


def known_hashes(
    root: Path, contents: Sequence[str | None], cache: Path | None
) -> list[str | None]:
    """Return the hash of each photo that is remembered, None for the others; reads no photo.

    Args:
        root: folder of the photos.
        contents: digest of each photo's content, None for a photo that is not there.
        cache: folder of caches, where hashes are remembered; None = nowhere.
    """
    known = _entries(FolderMemory("hashes", _VERSION, root, cache).read())
    return [None if content is None else known.get(content) for content in contents]


def hash_photos(
    root: Path,
    names: Sequence[str],
    contents: Sequence[str | None],
    cache: Path | None,
    progress: Progress,
) -> list[str | Fault]:
    """Return the hash of each photo, see `perceptual_hash`, or why there is none.

    Args:
        root: folder that the names are relative to.
        names: the photos.
        contents: digest of each photo's content, None for a photo that is not there.
        cache: folder of caches, where hashes are remembered; None = nowhere.
        progress: shows a bar when many photos have to be read.
    """

    def hash_of(row: int) -> str | Fault:
        path = root / names[row]
        try:
            return perceptual_hash(read_bytes(path), path, MAX_MEGAPIXELS)
        except UsageError as error:
            return Fault(row, error)

    known = known_hashes(root, contents, cache)
    unread = [row for row, each in enumerate(known) if each is None]
    shown = progress if len(unread) >= _MANY else SilentProgress()
    found: dict[int, str | Fault] = {}
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        shown.bar("hashing photos to find near-duplicates", len(unread), "images") as bar,
        ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool,
    ):
        for row, value in zip(unread, pool.map(hash_of, unread), strict=True):
            found[row] = value
            bar.advance()
    new = {
        content: value
        for row, value in found.items()
        if isinstance(value, str) and (content := contents[row]) is not None
    }
    if new:
        memory = FolderMemory("hashes", _VERSION, root, cache)
        memory.update(lambda facts: _entries(facts) | new)
    return [found[row] if each is None else each for row, each in enumerate(known)]


def _entries(facts: Facts) -> dict[str, str]:
    """Return content -> hash; nothing when the facts are of another form."""
    if all(isinstance(value, str) and _HASH.fullmatch(value) for value in facts.values()):
        return facts
    return {}


def near_duplicate_units(hashes: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the unit of each photo: those are together that a chain of like photos connects.

    Args:
        hashes: of the photos; None and "" are like nothing.

    Returns:
        int64 (n_photos,): position of the first photo of each unit.
    """
    unit_of = np.arange(len(hashes), dtype=np.int64)
    for likeness in near_photos(hashes):
        joined = np.unique(unit_of[[likeness.row, *likeness.earlier]])
        if len(joined) > 1:
            unit_of[np.isin(unit_of, joined)] = joined[0]
    return unit_of
