"""Photos as lists name them: with or without folder and ending, or as on another machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from toolkit.data.near_files import near_file
from toolkit.data.photo_folder import PHOTO_ENDINGS
from toolkit.errors import UsageError
from toolkit.files import is_file
from toolkit.wording import part_of, some_of

FOREIGN = re.compile(r"/|[A-Za-z]:/|\.\./|.*\\")
"""Beginnings of paths that are hardly of this machine: absolute, leaving their folder, or with
backslashes."""

_SHOWN = 3


@dataclass(frozen=True)
class PhotoFolder:
    """Finds photos below a folder by the names that lists have for them.

    Attributes:
        folder: the folder.
    """

    folder: Path
    _names: dict[str, dict[str, list[str]]] = field(default_factory=dict, init=False, repr=False)

    def find(self, text: str) -> str | None:
        """Return the photo, relative to the folder, that a list calls `text`; None = there is none.

        Backslashes separate folders, too. What is no file is taken as a name without its ending. Of
        a path of another machine (`FOREIGN`) leading folders are left out until the rest is there.

        Raises:
            UsageError: several photos have that name and differ in their endings.
        """
        plain = text.strip()
        for name in _ends_of(plain) if FOREIGN.match(plain) else [plain]:
            found = self.find_here(name)
            if found is not None:
                return found
        return None

    def find_here(self, name: str) -> str | None:
        """Return the photo with a relative name, with or without its ending.

        Raises:
            UsageError: several photos have that name and differ in their endings.
        """
        found = name if name and is_file(self.folder / name) else self._by_stem(name)
        return None if found is None else PurePosixPath(found).as_posix()

    def _by_stem(self, name: str) -> str | None:
        above, _, stem = name.rpartition("/")
        found = self._stems(above).get(stem, [])
        if len(found) > 1:
            raise UsageError(
                f"{name} may be {' or '.join(found)} in {self.folder / above}",
                "Write the ending, too.",
            )
        return None if not found else f"{above}/{found[0]}" if above else found[0]

    def _stems(self, above: str) -> dict[str, list[str]]:
        if above not in self._names:
            known: dict[str, list[str]] = {}
            try:
                names = sorted(each.name for each in (self.folder / above).iterdir())
            except (OSError, ValueError):
                names = []
            for name in names:
                if name.lower().endswith(PHOTO_ENDINGS):
                    known.setdefault(PurePosixPath(name).stem, []).append(name)
            self._names[above] = known
        return self._names[above]

    def find_all(self, texts: Sequence[str], source: Path, places: Sequence[str]) -> list[str]:
        """Return the photo that each text of a list means, relative to the folder.

        Args:
            texts: as the list has them.
            source: the list, for messages.
            places: where each text stands in it, such as "line 3".

        Raises:
            UsageError: photos are missing; names them, and the nearest.
        """
        found = [self.find(text) for text in texts]
        missing = [row for row, name in enumerate(found) if name is None]
        if missing:
            shown = [f"{texts[row].strip()!r} ({places[row]})" for row in missing]
            near = near_file(self.folder, texts[missing[0]].strip())
            has = part_of(len(missing), len(texts), ("photo", "photos"), ("is", "are"))
            raise UsageError(
                f"{source}: {has} not below {self.folder}: {some_of(shown, _SHOWN)}",
                f"Is it {near}?" if near else "data.format.photos says in which folder they are.",
            )
        return [name for name in found if name is not None]


def _ends_of(path: str) -> Iterator[str]:
    parts = [part for part in path.replace("\\", "/").split("/") if part]
    for begin in range(len(parts)):
        yield "/".join(parts[begin:])
