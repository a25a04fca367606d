"""Where things are: the project folder and the places inside it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError

RECORDS = "records"
"""Name of the folder of records in a project."""


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
        """Submission files and their side-cars; not committed."""
        return self.root / "submissions"

    @property
    def records(self) -> Path:
        """What everybody in the team has run and submitted, a small file each; committed."""
        return self.root / RECORDS

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
    In a folder that was entered by a link, such as a project's link to its data, the way up is
    first the one that was gone down.

    Raises:
        UsageError: the working folder was deleted.
    """
    try:
        entered = _entered_folder() if start is None else None
        start = (start or Path.cwd()).resolve()
    except FileNotFoundError:
        raise UsageError(
            "the working folder does not exist any more", "Change into another folder."
        ) from None
    root = (_root_above(entered) if entered else None) or _root_above(start)
    return Project(root.resolve() if root else start)


def refuse_other_project(file: Path, project: Project) -> None:
    """Refuse a recipe, checkpoint or side-car of a project while the working folder lies in none.

    What it names is relative to its project: nothing would be found, and runs would go elsewhere.

    Args:
        file: the file.
        project: that of the command.

    Raises:
        UsageError: names the folder to change into.
    """
    root = _root_above(file.resolve())
    if root is None or project.recipes.is_dir():
        return
    raise UsageError(
        f"{file} belongs to the project in {root}, but the working folder lies in no project",
        f"Change into the project first: cd {shlex.quote(os.path.relpath(root))}",
    )


def _entered_folder() -> Path | None:
    """Return the working folder as the shell names it, links and all, if it says so."""
    named = os.environ.get("PWD", "")
    try:
        same = os.path.isabs(named) and os.path.samefile(named, ".")
    except OSError:
        return None
    return Path(named) if same else None


def _root_above(place: Path) -> Path | None:
    """Return the nearest folder, going up, that holds `recipes/`."""
    return next((each for each in (place, *place.parents) if (each / "recipes").is_dir()), None)
