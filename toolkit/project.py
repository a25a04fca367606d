"""Where things are: the project folder and the places inside it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError


@dataclass(frozen=True)
class Project:
    """The folder a team works in; relative data paths in recipes are relative to `root`."""

    root: Path

    @property
    def plugins(self) -> Path:
        """The team's own plugins, one file each."""
        return self.root / "plugins"

    @property
    def recipes(self) -> Path:
        """Recipes, one file per experiment."""
        return self.root / "recipes"

    @property
    def runs(self) -> Path:
        """One folder per run; not committed."""
        return self.root / "runs"

    @property
    def submissions(self) -> Path:
        """Submission files and their side-cars."""
        return self.root / "submissions"

    @property
    def cache(self) -> Path:
        """Decoded masks, images and probability stores: safe to delete. `TRASH_CACHE` moves it."""
        moved = os.environ.get("TRASH_CACHE")
        return self.path(moved) if moved else self.root / ".trash"

    def path(self, text: str) -> Path:
        """Return where a path of a recipe points: relative to `root`, `~` is the home folder."""
        # Unlike pathlib's, this takes the "~" of an unknown user as it is.
        return self.root / os.path.expanduser(text)


def find_project(start: Path | None = None) -> Project:
    """Return the project around `start` (default: the working folder).

    The project is the nearest folder, going up, that holds `recipes/`; without one it is `start`.

    Raises:
        UsageError: the working folder was deleted.
    """
    try:
        start = (start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise UsageError(
            "the working folder does not exist any more", "Change into another folder."
        ) from None
    for folder in (start, *start.parents):
        if (folder / "recipes").is_dir():
            return Project(folder)
    return Project(start)
