"""The runs of the team, by their records, and which of one's own are really at work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.experiment.run_folder import MANIFEST, RunFolder
from toolkit.files import is_file
from toolkit.project import Project
from toolkit.records.catalogue import Catalogue, StoredRecord, find_record, read_records
from toolkit.records.record import Record, RunRecord, SeriesRecord, record_path

StoredRun = StoredRecord[RunRecord]

_LIST = "trash run list"


def recorded_runs(project: Project) -> tuple[list[StoredRun], tuple[UsageError, ...]]:
    """Return the runs of the team, and what is wrong with records that cannot be read."""
    catalogue = read_records(project)
    return runs_as_they_are(catalogue, project), catalogue.broken


def runs_as_they_are(catalogue: Catalogue, project: Project) -> list[StoredRun]:
    """Return the runs of the team; those of this machine are known to be at work or not."""
    return [_as_it_is(each, project) for each in catalogue.of(RunRecord)]


def find_run(text: str, project: Project) -> StoredRun:
    """Return the run that a person names: of one's own by its name, of all by their records.

    Raises:
        UsageError: there is none, with the nearest name; or several fit; or the record is broken.
    """
    own = own_record(text, project)
    return find_record(own or text, project, recorded_runs(project)[0], "run", _LIST)


def find_shared(text: str, project: Project, catalogue: Catalogue) -> StoredRecord[Record]:
    """Return the run or series that a person names, of these records; raises as `find_run`."""
    own = own_record(text, project)
    shared: list[StoredRecord[Record]] = [
        *runs_as_they_are(catalogue, project),
        *catalogue.of(SeriesRecord),
    ]
    return find_record(own or text, project, shared, "run", _LIST)


def own_record(text: str, project: Project) -> str | None:
    """Return the file of the record of one's own run; None = a text names none.

    Raises:
        UsageError: the run was made before there were records.
    """
    folder = _folder(text, project)
    if folder is None:
        return None
    name = _record_of(folder)
    if name is None:
        raise UsageError(
            f"the run {folder.name} has no record: it was made before there were any",
            "It gets one when it is run again or resumed.",
        )
    return str(record_path(project, name))


def _folder(text: str, project: Project) -> RunFolder | None:
    for place in (Path(text), project.runs / text):
        if is_file(place / MANIFEST):
            return RunFolder(place)
    return None


def _record_of(folder: RunFolder) -> str | None:
    """Return the name of the record of a run."""
    try:
        return folder.manifest().get("record")
    except UsageError:  # broken: nobody knows
        return None


def _as_it_is(stored: StoredRun, project: Project) -> StoredRun:
    """Return a run of one's own that no process executes as interrupted: it was killed."""
    if stored.record.status != "running":
        return stored
    folder = RunFolder(project.runs / stored.record.name)
    if _record_of(folder) != stored.name:
        return stored
    try:
        with folder.alone():
            pass
    except UsageError:
        return replace(stored, at_work=True)
    except OSError:  # gone since
        return stored
    return replace(stored, record=replace(stored.record, status="interrupted"))
