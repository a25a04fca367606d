"""Run folders: `runs/<recipe>-<number>`, each with a manifest of what made it."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictBool, TypeAdapter

from toolkit.errors import UsageError
from toolkit.experiment.run_record import run_record
from toolkit.file_schema import FileLayout, PathText
from toolkit.files import TEMPORARY, read_json, read_text, write_json_atomic
from toolkit.project import Project
from toolkit.recipe.problems import shown_path
from toolkit.records.record import record_path, write_record
from toolkit.records.record_name import RecordName

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
LINEAGE = ("recipe", "recipe_digest", "data", "code", "plugins", "parents")
"""Entries of the manifest that checkpoints carry on."""

LATER_LINEAGE = ("training", "photos", "record")
"""More of them, which manifests of older versions lack."""

# Written by toolkit.train.state after every epoch: without it there is nothing to continue.
_STATE = "state.pt"
_METRICS = "metrics.jsonl"


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
    def number(self) -> int:
        """Number of the run among those of its recipe."""
        return int(self.name.rpartition("-")[2])

    @property
    def recipe(self) -> Path:
        """The resolved recipe that it stands for."""
        return self.path / "recipe.toml"

    @property
    def best(self) -> Path:
        """Its checkpoint with the best validation score."""
        return self.path / "best.pt"

    @property
    def report(self) -> Path:
        """The page on it, see `trash report`."""
        return self.path / "report.html"

    @property
    def has_epochs(self) -> bool:
        """Whether an epoch was finished, so that the run can be resumed."""
        return (self.path / _STATE).is_file()

    def manifest(self) -> dict[str, Any]:
        """Return the manifest.

        Raises:
            UsageError: it is missing, broken, or of another version of trash.
        """
        path = self.path / MANIFEST
        manifest: dict[str, Any] = read_json(path, _MANIFEST.what)
        _MANIFEST.value(manifest, path)
        missing = [key for key in LINEAGE if key not in manifest]
        if missing:
            raise UsageError(f"{path}: broken manifest: it lacks {', '.join(missing)}")
        return manifest

    def epochs(self) -> list[dict[str, Any]]:
        """Return the records of the finished epochs, see `toolkit.train.journal`.

        A line that is still being written is left out.

        Raises:
            UsageError: the file cannot be read.
        """
        path = self.path / _METRICS
        if not path.is_file():
            return []
        lines = read_text(path, "table of epochs").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest, and with it the record that the team sees.

        Raises:
            UsageError: a value of it is wrong or missing; nothing is written.
        """
        record = run_record(self.name, manifest) if "record" in manifest else None
        write_json_atomic(self.path / MANIFEST, manifest)
        if record is not None:
            write_record(self._record(manifest), record)

    def _record(self, manifest: dict[str, Any]) -> Path:
        return record_path(Project(self.path.parents[1]), manifest["record"])

    def update(self, **values: Any) -> None:
        """Change entries of the manifest; None removes one."""
        changed = {**self.manifest(), **values}
        self.write_manifest({key: value for key, value in changed.items() if value is not None})

    @property
    def is_unused(self) -> bool:
        """Whether nothing was made in it: only what is written before the first epoch is there."""
        return all(
            each.name in (MANIFEST, self.recipe.name)
            or each.name.startswith(TEMPORARY)
            or (each.name == _METRICS and each.stat().st_size == 0)
            for each in self.path.iterdir()
        )

    def remove_unused(self) -> None:
        """Remove folder and record if nothing was made, so that its number is free again."""
        if self.is_unused:
            self.remove_record()
            shutil.rmtree(self.path)

    def remove_record(self) -> None:
        """Remove what the team is told of the run."""
        if (self.path / MANIFEST).is_file() and "record" in (manifest := self.manifest()):
            self._record(manifest).unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from executing this run while the context is open.

        Raises:
            UsageError: another process is executing it.
        """
        # The system drops the lock of a process that dies.
        handle = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise UsageError(
                f"another process is executing the run {self.name}",
                "Wait until it has ended, then run this command again.",
            ) from None
        try:
            yield
        finally:
            # Closing alone would leave it locked while a forked child has the folder open.
            fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)


_Score = Annotated[float, Field(strict=True)]


class _Figures(BaseModel):
    metric: str = "miou"
    val_score: _Score | None = None
    val_metrics: dict[str, _Score | None] | None = {}
    val_miou: _Score | None
    val_iou: list[_Score | None] | None = []


class _TestScore(BaseModel):
    mean_iou: _Score
    iou: list[_Score | None]
    metric: str = "miou"
    metrics: dict[str, _Score | None] = {}


class _Submission(BaseModel):
    score: _TestScore | None = None


class _Result(BaseModel):
    scores: _Figures
    submission: _Submission | None = None


class _Given(BaseModel):
    labels: PathText | None
    start: PathText | None
    members: list[tuple[PathText, str | None]]
    keys: dict[str, str]
    is_part: StrictBool


class _Manifest(BaseModel):
    """What is read of a manifest, see `toolkit.experiment.execution.manifest`; it holds more."""

    status: str
    started: str = ""
    record: RecordName | None = None
    training: str | None = None
    classes: list[str] = []
    given: _Given | None = None
    result: _Result | None = None


_MANIFEST = FileLayout(
    "run manifest", TypeAdapter(_Manifest), SCHEMA_VERSION, version_key="schema_version"
)


def new_run(recipe_name: str, runs: Path, submissions: Path) -> RunFolder:
    """Make the next free `<recipe>-<number>` folder; two processes never get the same one.

    Numbers of submissions count as taken: a team mate's, or that of a run which was deleted since,
    must not be written over. A run that ended before it made anything leaves its number to this
    one.
    """
    runs.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(recipe_name, runs)
    taken = [
        number for folder in (runs, submissions) for number, _ in _numbered(recipe_name, folder)
    ]
    number = 1 + max(taken, default=0)
    while True:
        path = runs / f"{recipe_name}-{number:03d}"
        try:
            path.mkdir()
            return RunFolder(path)
        except FileExistsError:
            number += 1


def _remove_abandoned(recipe_name: str, runs: Path) -> None:
    """Remove the newest runs of a recipe that ended, however, before they made anything."""
    for _, path in sorted(_numbered(recipe_name, runs), reverse=True):
        run = RunFolder(path)
        try:
            with run.alone():
                if not run.is_unused or not _has_ended(run):
                    return
                run.remove_unused()
        except (UsageError, OSError):  # somebody else's folder, or another process was faster
            return


def _has_ended(run: RunFolder) -> bool:
    """Return whether a run that no process has locked is over, and not about to begin."""
    if (run.path / MANIFEST).is_file() and run.manifest()["status"] in ("failed", "interrupted"):
        return True
    # Its process was killed: one that lives locks the folder as soon as it has made it.
    return time.time() - run.path.stat().st_mtime > _ABOUT_TO_BEGIN


_ABOUT_TO_BEGIN = 60.0
"""Seconds, by far more than lie between making a run's folder and locking it."""


def resumable_runs(
    recipe_name: str, recipe: Path, runs: Path, *, required: bool = True
) -> list[RunFolder]:
    """Return the runs of a recipe that have finished an epoch, the newest first.

    Recipes of equal name in two folders share the numbers of their runs. A run whose recipe is no
    longer there counts, too: the file may have been moved.

    Args:
        recipe_name: the runs are called after it.
        recipe: its file.
        runs: where the runs are, in the project's folder.
        required: whether it is an error when there is none.

    Raises:
        UsageError: there is none, although it is required.
    """
    found = [run for run in runs_of_recipe(recipe_name, runs) if run.has_epochs]
    others = {run: file for run in found if (file := _other_recipe(run, recipe))}
    if others and len(others) == len(found) and required:
        newest = found[0]
        raise UsageError(
            f"{newest.path} is a run of {shown_path(others[newest])}: there is nothing to resume "
            f"of {shown_path(recipe)}",
            f"Run it without --resume, or resume {shown_path(others[newest])}.",
        )
    found = [run for run in found if run not in others]
    if not found and required:
        raise UsageError(
            f"no run of {recipe_name} in {runs} has finished an epoch: there is nothing to resume",
            "Run it without --resume.",
        )
    return found


def runs_of_recipe(recipe_name: str, runs: Path) -> list[RunFolder]:
    """Return the folders that are numbered after a recipe, the newest first."""
    numbered = sorted(_numbered(recipe_name, runs), reverse=True)
    return [RunFolder(path) for _, path in numbered if path.is_dir()]


def _other_recipe(run: RunFolder, recipe: Path) -> Path | None:
    """Return the file of the recipe that a run is of, if that is there and is not `recipe`."""
    try:
        # Manifests name recipes relative to the project's folder.
        file = run.path.parents[1] / str(run.manifest()["recipe"])
    except UsageError:  # what is wrong with it is told when the run is resumed
        return None
    same = not file.is_file() or (recipe.is_file() and file.samefile(recipe))
    return None if same else file


def _numbered(recipe_name: str, folder: Path) -> Iterator[tuple[int, Path]]:
    """Yield (number, path) of what is named after a run of the recipe."""
    pattern = re.compile(re.escape(recipe_name) + r"-(\d{3,})")
    for path in folder.iterdir() if folder.is_dir() else ():
        match = pattern.fullmatch(path.name if path.is_dir() else path.stem)
        if match:
            yield int(match[1]), path
