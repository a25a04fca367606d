"""Folders that an execution writes to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolkit.project import Project
from toolkit.recipe.trial import Trial


@dataclass(frozen=True)
class OutputDirs:
    """Folders of an execution.

    Attributes:
        runs: one folder per run.
        submissions: leaderboard files.
        cache: decoded data, probability stores and pseudo-label sets.
        kept: False when all of it is deleted in the end, as that of a trial is.
    """

    runs: Path
    submissions: Path
    cache: Path
    kept: bool

    @property
    def label_sets(self) -> Path:
        """One folder per pseudo-label set."""
        return self.cache / "pseudo"

    def label_set(self, key: str) -> Path:
        """Return the folder of the pseudo-label set of a stage, whether it is there or not."""
        return self.label_sets / key


def output_dirs_of(project: Project) -> OutputDirs:
    """Return where the files of a project's runs are kept."""
    return OutputDirs(project.runs, project.submissions, project.cache, kept=True)


@contextmanager
def open_output_dirs(project: Project, trial: Trial | None) -> Iterator[OutputDirs]:
    """Yield the folders of a project, or temporary ones for a trial."""
    if trial is None:
        yield output_dirs_of(project)
        return
    home = project.cache / trial.kind
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=home) as name:
        folder = Path(name)
        yield OutputDirs(folder / "runs", folder / "submissions", folder / "cache", kept=False)
