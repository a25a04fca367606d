"""A cache of facts about the files of a folder, as a small JSON file below the project's cache.

Losing or damaging it, or a cache that cannot be written, costs time and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolkit.files import digest_of, file_lock, write_text_atomic

Facts = dict[str, Any]
"""Plain values. A checksum says that they are as they were written, not who wrote them."""


class FolderMemory:
    """Facts of one kind about the files of one folder; without a cache nothing is kept."""

    def __init__(self, sort: str, version: int, root: Path, cache: Path | None) -> None:
        """Name the file; it need not be there.

        Args:
            sort: folder of the cache, one for each sort of facts.
            version: of the facts; those of other versions are forgotten.
            root: the folder that they are about.
            cache: folder of caches, or None.
        """
        root = root.resolve()
        self._schema = f"trash-{sort} {version}"
        self._file: Path | None = None
        # Data inside the cache is the demo of `--smoke`, which keeps nothing else.
        if cache is not None and not root.is_relative_to(cache.resolve()):
            self._file = cache / sort / f"{digest_of(str(root))}.json"

    def read(self) -> Facts:
        """Return the facts; {} when the file is absent or damaged in any way."""
        if self._file is None:
            return {}
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            facts = content["facts"]
            is_whole = content["checksum"] == _checksum(facts)
            if is_whole and content["schema"] == self._schema:
                return dict(facts)
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
            pass
        return {}

    def update(self, change: Callable[[Facts], Facts]) -> None:
        """Replace the facts by what `change` makes of them; one process at a time."""
        if self._file is None:
            return
        with suppress(OSError), file_lock(self._file, lambda: None):
            facts = change(self.read())
            content = {"schema": self._schema, "checksum": _checksum(facts), "facts": facts}
            write_text_atomic(self._file, json.dumps(content))


def _checksum(facts: Any) -> str:
    return digest_of(json.dumps(facts, sort_keys=True))
