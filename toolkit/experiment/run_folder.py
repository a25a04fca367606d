"""Run folders: `runs/<recipe>-<number>`, each with a manifest of what made it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.files import read_json, write_json_atomic

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class RunFolder:
    """One execution of a recipe on disk.

    Attributes:
        path: the folder; holds recipe.toml, manifest.json, metrics.jsonl, best.pt and last.pt.
    """

    path: Path

    @property
    def name(self) -> str:
        """Name of the run, as in `unetpp_pseudo-003`."""
        return self.path.name

    @property
    def best(self) -> Path:
        """The checkpoint with the best validation score."""
        return self.path / "best.pt"

    def manifest(self) -> dict[str, Any]:
        """Return the manifest as written."""
        found: dict[str, Any] = read_json(self.path / MANIFEST, "run manifest")
        return found

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest."""
        write_json_atomic(self.path / MANIFEST, manifest)

    def update(self, **values: Any) -> None:
        """Change entries of the manifest."""
        self.write_manifest({**self.manifest(), **values})


def new_run(runs: Path, recipe_name: str) -> RunFolder:
    """Make the next free `<recipe>-<number>` folder; two processes never get the same one."""
    runs.mkdir(parents=True, exist_ok=True)
    number = 1 + max((_number(run.name) for run in runs_of(runs, recipe_name)), default=0)
    while True:
        path = runs / f"{recipe_name}-{number:03d}"
        try:
            path.mkdir()
            return RunFolder(path)
        except FileExistsError:
            number += 1


def runs_of(runs: Path, recipe_name: str) -> Iterator[RunFolder]:
    """Yield the runs of a recipe, oldest first."""
    pattern = re.compile(re.escape(recipe_name) + r"-\d{3,}")
    if not runs.is_dir():
        return
    found = [path for path in runs.iterdir() if path.is_dir() and pattern.fullmatch(path.name)]
    for path in sorted(found, key=lambda path: _number(path.name)):
        yield RunFolder(path)


def run_to_resume(runs: Path, recipe_name: str) -> RunFolder:
    """Return the newest run of a recipe that has a manifest.

    Raises:
        UsageError: there is none.
    """
    found = [run for run in runs_of(runs, recipe_name) if (run.path / MANIFEST).is_file()]
    if not found:
        raise UsageError(
            f"there is no run of {recipe_name} to resume in {runs}",
            "Run it without --resume first.",
        )
    return found[-1]


def _number(name: str) -> int:
    return int(name.rpartition("-")[2])
