"""The runs of the team, by their records, and which of one's own are really at work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.experiment.run_folder import MANIFEST, RunFolder
from toolkit.project import Project
from toolkit.records.catalogue import StoredRecord, find_record, read_records
from toolkit.records.record import Record, RunRecord

StoredRun = StoredRecord[RunRecord]


def recorded_runs(project: Project) -> tuple[list[StoredRun], tuple[UsageError, ...]]:
    """Return the runs of the team, and what is wrong with records that cannot be read."""
    catalogue = read_records(project)
    return [_as_it_is(each, project) for each in catalogue.of(RunRecord)], catalogue.broken


def find_shared(text: str, project: Project) -> StoredRecord[Record]:
    """Return the run or series that a person names; raises as `find_run`."""
    if _folder(text, project) is not None:
        run = find_run(text, project)
        return StoredRecord(run.path, run.record, run.called)
    shared = [each for each in read_records(project).records if each.record.kind != "submission"]
    return find_record(text, project, shared, "run")


def find_run(text: str, project: Project) -> StoredRun:
    """Return the run that a person names: of one's own by its name, of all by their records.

    Raises:
        UsageError: there is none, with the nearest name; or several fit; or the record is broken.
    """
    runs, _ = recorded_runs(project)
    own = _record_of_folder(text, project)
    for each in runs:
        if each.name == own:
            return each
    if own is None and (found := _folder(text, project)) is not None:
        raise UsageError(
            f"the run {found.name} has no record: it was made before there were any",
            "It gets one when it is run again or resumed.",
        )
    return find_record(text, project, runs, "run")


def _folder(text: str, project: Project) -> RunFolder | None:
    for place in (Path(text), project.runs / text):
        if (place / MANIFEST).is_file():
            return RunFolder(place)
    return None


def _record_of_folder(text: str, project: Project) -> str | None:
    """Return the name of the record of a run's folder."""
    folder = _folder(text, project)
    try:
        return folder.manifest().get("record") if folder is not None else None
    except UsageError:  # broken: its record may not be
        return None


def _as_it_is(stored: StoredRun, project: Project) -> StoredRun:
    """Return a run of one's own that no process executes as interrupted: it was killed."""
    if stored.record.status != "running":
        return stored
    if _record_of_folder(stored.record.name, project) != stored.name:
        return stored
    try:
        with RunFolder(project.runs / stored.record.name).alone():
            pass
    except (UsageError, OSError):  # at work, or gone since
        return stored
    return replace(stored, record=replace(stored.record, status="interrupted"))
