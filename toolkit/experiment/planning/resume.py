"""Choosing the run that `--resume` continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.experiment.planning.plan import Training
from toolkit.experiment.planning.preflight import require_resumable
from toolkit.experiment.run_folder import RunFolder, resumable_runs, runs_of_recipe

_SHOWN = 3


@dataclass(frozen=True)
class Resumption:
    """The choice that `--resume` made.

    Attributes:
        run: the run that goes on, or None when a new one begins.
        note: which newer runs it passes over and why; empty when there are none.
    """

    run: RunFolder | None
    note: str


def run_to_resume(
    stage: Training, runs: Path, *, required: bool = True, may_begin: bool = False
) -> Resumption:
    """Return the newest run of a recipe that has finished an epoch with the wanted settings.

    Args:
        stage: the training that is to go on.
        runs: where the runs are, in the project's folder.
        required: whether it is an error when no run has finished an epoch.
        may_begin: whether a new run may begin where those that have do not fit.

    Raises:
        UsageError: there is none; tells what differs in the newest.
    """
    newest_error: UsageError | None = None
    passed: dict[RunFolder, str] = {}
    found = None
    for run in resumable_runs(stage.name, stage.loaded.path, runs, required=required):
        error = _obstacle(run, stage)
        if error is None:
            found = run
            break
        newest_error = newest_error or error
        passed[run] = _in_a_line(error)
    if found is None and newest_error is not None and not may_begin:
        raise newest_error
    for run in runs_of_recipe(stage.name, runs):
        if found is not None and run.number > found.number and not run.has_epochs:
            passed[run] = "no epoch was finished"
    return Resumption(found, _note(found, sorted(passed.items(), key=lambda each: each[0].number)))


def _obstacle(run: RunFolder, stage: Training) -> UsageError | None:
    """Return why a run cannot go on as a training; None = it can."""
    try:
        if run.manifest().get("training") == stage.key:
            return None  # without reading the state, which may be large
        require_resumable(stage, run)
    except UsageError as error:
        return error
    return None


def _in_a_line(error: UsageError) -> str:
    first, *differences = error.message.splitlines()
    if not differences:
        return first
    more = ["…"] if len(differences) > _SHOWN else []
    return "; ".join([*(line.strip() for line in differences[:_SHOWN]), *more])


def _note(run: RunFolder | None, passed: Sequence[tuple[RunFolder, str]]) -> str:
    if not passed:
        return ""
    others = ", ".join(f"{each.name} ({why})" for each, why in passed)
    if run is None:
        return f"a new run begins; skipped: {others}"
    finished = ", which was finished," if run.manifest()["status"] == "finished" else ""
    return f"{run.name}{finished} is resumed; skipped: {others}"
