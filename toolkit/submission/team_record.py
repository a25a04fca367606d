"""The record of a submission, which tells the team what its side-car tells its author."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.files import file_digest, is_file, same_file
from toolkit.metrics.counts_file import read_counts
from toolkit.project import Project
from toolkit.records.author import author_name, author_slug
from toolkit.records.catalogue import StoredRecord, choose_record, read_records
from toolkit.records.git_state import git_state
from toolkit.records.record import (
    MOST_CHANGED,
    SUFFIX,
    CodeUsed,
    MemberOrigin,
    SubmissionRecord,
    new_record_name,
    record_counts,
    record_path,
    write_record,
)
from toolkit.submission.side_car import (
    Leaderboard,
    SideCar,
    counts_path,
    parse_side_car,
    read_side_car,
    side_car_path,
    write_side_car,
)

Stored = StoredRecord[SubmissionRecord]


def write_with_record(
    project: Project,
    submission: Path,
    side_car: SideCar,
    lineages: Iterable[Mapping[str, Any]] = (),
) -> Path:
    """Write side-car and record of a submission and return the side-car's path.

    The record of the file that it takes the place of is replaced, unless that has scores on the
    leaderboard.

    Args:
        project: has the records.
        submission: the file; its counts, if there are any, are written already.
        side_car: of the file.
        lineages: of the checkpoints of its members, in order.
    """
    author = author_name(project)
    replaced = _replaced(project, submission, side_car, author)
    path = write_side_car(submission, side_car)
    digests = [each.digest for each in side_car.members]
    record = SubmissionRecord(
        author=author,
        digest=side_car.digest,
        created=side_car.created,
        code=code_used(project),
        members=tuple(map(_origin, digests, lineages)),
        side_car=side_car.as_json(),
    )
    file = replaced or record_path(project, new_record_name(author, submission.stem))
    write_record(file, record)
    _share_counts(submission, side_car, file)
    return path


def code_used(project: Project) -> CodeUsed:
    """Return the code that works in a project now."""
    git = git_state(project.root)
    if git is None:
        return CodeUsed(__version__)
    if git.files is None:
        return CodeUsed(__version__, git.commit)
    return CodeUsed(__version__, git.commit, git.files[:MOST_CHANGED], len(git.files))


def submission_records(project: Project) -> tuple[list[Stored], tuple[UsageError, ...]]:
    """Return the records of submissions, and what is wrong with records that cannot be read."""
    catalogue = read_records(project)
    return catalogue.of(SubmissionRecord), catalogue.broken


def record_of_file(project: Project, submission: Path) -> Stored | None:
    """Return the record of a submission; None = there is none, or its side-car is here.

    It is known by the digest of the file; where that is not here by the name of the file on its
    author's machine, or by the name of the record, see `find_record`.

    Raises:
        UsageError: several records fit.
    """
    is_record = submission.suffix == SUFFIX
    if not is_record and is_file(side_car_path(submission)):
        return None
    records, _ = submission_records(project)
    if not is_record and is_file(submission):
        digest = file_digest(submission)
        return next((each for each in records if each.record.digest == digest), None)
    files = [each for each in records if each.record.side_car.get("file") == submission.name]
    if files:
        return choose_record(submission.stem, project, files)
    return choose_record(str(submission), project, records)


def side_car_of(stored: Stored) -> SideCar:
    """Return the side-car in a record.

    Raises:
        UsageError: it is broken.
    """
    return parse_side_car(stored.record.side_car, stored.path)


def record_leaderboard(project: Project, digest: str, leaderboard: Leaderboard) -> bool:
    """Write leaderboard scores into the author's own records of a file, else into the others'.

    Returns:
        Whether there is a record of the file.
    """
    records, _ = submission_records(project)
    found = [each for each in records if each.record.digest == digest]
    folder = author_slug(author_name(project))
    own = [each for each in found if each.path.parent.name == folder]
    for each in own or found:
        write_leaderboard(each, leaderboard)
    return bool(found)


def write_leaderboard(stored: Stored, leaderboard: Leaderboard) -> None:
    """Write leaderboard scores into a record."""
    side_car = replace(side_car_of(stored), leaderboard=leaderboard)
    write_record(stored.path, replace(stored.record, side_car=side_car.as_json()))


def _replaced(project: Project, submission: Path, side_car: SideCar, author: str) -> Path | None:
    """Return the author's record of the file that had this name before."""
    try:
        before = read_side_car(side_car_path(submission))
    except UsageError:  # none, or none that says anything
        return None
    if before.leaderboard != Leaderboard() and before.digest != side_car.digest:
        return None
    folder = author_slug(author)
    for each in submission_records(project)[0]:
        same = (each.record.digest, each.record.created) == (before.digest, before.created)
        if same and each.path.parent.name == folder:
            return each.path
    return None


def _origin(digest: str, lineage: Mapping[str, Any]) -> MemberOrigin:
    """Return where a checkpoint comes from, as far as it tells; anybody may have written it."""
    told = {key: lineage.get(key) for key in ("run", "recipe", "training", "record")}
    try:
        return MemberOrigin(digest, **told)
    except ValidationError:
        return MemberOrigin(digest)


def _share_counts(submission: Path, side_car: SideCar, record: Path) -> None:
    """Lay the counts of a submission beside its record, if they are of this file."""
    counts, shared = counts_path(submission), record_counts(record)
    shared.unlink(missing_ok=True)
    try:
        of = read_counts(counts).of
    except UsageError:  # none: nothing was scored
        return
    if of == side_car.digest:
        same_file(counts, shared)
