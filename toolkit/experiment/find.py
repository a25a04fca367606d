"""Finding the runs of a training again, by its key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.run_folder import RunFolder


def finished_run(key: str, runs: Path) -> RunFolder | None:
    """Return the newest finished run of a training, whatever its name."""
    found = [run for run, manifest in _runs_of(key, runs) if manifest["status"] == "finished"]
    return next((run for run in reversed(found) if run.best.is_file()), None)


def unfinished_run(key: str, runs: Path) -> RunFolder | None:
    """Return the newest run of a training that was cut after an epoch, or None."""
    found = [run for run, manifest in _runs_of(key, runs) if manifest["status"] != "finished"]
    return next((run for run in reversed(found) if run.has_epochs), None)


def _runs_of(key: str, runs: Path) -> Iterator[tuple[RunFolder, dict[str, Any]]]:
    """Yield the runs with this key, the oldest first."""
    dated = []
    for path in runs.iterdir() if runs.is_dir() else ():
        run = RunFolder(path)
        try:
            manifest = run.manifest()
        except UsageError:  # another version's, or a folder of somebody else
            continue
        if manifest.get("training") == key:
            dated.append((manifest.get("started", ""), run.name, run, manifest))
    for _, _, run, manifest in sorted(dated, key=lambda each: each[:2]):
        yield run, manifest
