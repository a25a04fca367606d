"""The code behind a component: what must be the same for its results to be the same."""

from __future__ import annotations

from pathlib import Path

from toolkit.files import digest_of
from toolkit.plugin import team
from toolkit.plugin.registry import Entry


def source_files(entry: Entry) -> list[Path]:
    """Return the files that make a component: its module or package, and what plugins share.

    Files of the project's `plugins/` whose name begins with `_` are shared by all its plugins.
    """
    file = entry.file
    if file is None:
        return []
    files = set(file.parent.glob("*.py")) if file.name == "__init__.py" else {file}
    for folder in map(Path, team.__path__):
        if file.is_relative_to(folder):
            files.update(folder.glob("_*.py"))
    return sorted(files)


def source_digest(*entries: Entry) -> str:
    """Return the digest of the files that make some components."""
    files = {file for entry in entries for file in source_files(entry)}
    return digest_of(*(part for file in sorted(files) for part in (file.name, file.read_bytes())))
