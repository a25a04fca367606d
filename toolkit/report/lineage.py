"""What each run and submission was made from, as a tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from toolkit.experiment.recorded_runs import StoredRun
from toolkit.records.catalogue import Catalogue
from toolkit.records.record import RunRecord, SubmissionRecord
from toolkit.submission.history import Submission
from toolkit.submission.side_car import checkpoint_name

_MOST_PARTS = 40
_DEEPEST = 20
"""Rounds of pseudo-labels and starts, one upon the other, that are followed."""


@dataclass(frozen=True)
class Ancestry:
    """A run, submission or checkpoint, with what it was made from.

    Attributes:
        how: it takes part in what it is a part of: "member", "teacher", "start"; "" at the root.
        name: of its record, or what it is called where no record is known.
        is_record: whether `name` is that of a record.
        parts: what it was made from.
        left_out: number of parts that are not listed.
        is_repeated: whether its parts stand at another place of the tree.
    """

    how: str
    name: str
    is_record: bool
    parts: tuple[Ancestry, ...]
    left_out: int = 0
    is_repeated: bool = False


class _Runs:
    """The runs of the team by record, and by what they are called on their author's machine."""

    def __init__(self, runs: Sequence[StoredRun]) -> None:
        self.by_record = {each.name: each.record for each in runs}
        self._by_name: dict[tuple[str, str], list[StoredRun]] = {}
        for each in sorted(runs, key=lambda each: each.record.started):
            self._by_name.setdefault((each.record.author, each.record.name), []).append(each)

    def record_of(self, name: Any, author: str, before: str) -> str | None:
        """Return the record of a run of this name that its author began before a moment."""
        named = self._by_name.get((author, name), ()) if isinstance(name, str) else ()
        return next((each.name for each in reversed(named) if each.record.started <= before), None)


def lineages(
    catalogue: Catalogue, runs: Sequence[StoredRun], submissions: Sequence[Submission]
) -> tuple[Ancestry, ...]:
    """Return the trees of all that was made from something, the newest first.

    Submissions of several members, and runs with pseudo-labels or the weights of another run.

    Args:
        catalogue: the records.
        runs: of the team.
        submissions: of the team.
    """
    known = _Runs(runs)
    records = {each.name: each.record for each in catalogue.of(SubmissionRecord)}
    found = []
    for submission in submissions:
        if len(submission.side_car.members) + len(submission.side_car.files) > 1:
            told = [records[name] for name in submission.records if name in records]
            found.append((submission.side_car.created, _of_submission(submission, told, known)))
    for each in runs:
        origin = _of_run(each.name, "", known, set())
        if origin.parts:
            found.append((each.record.started, origin))
    return tuple(origin for _, origin in sorted(found, key=lambda each: each[0], reverse=True))


def _of_submission(
    submission: Submission, told: Sequence[SubmissionRecord], known: _Runs
) -> Ancestry:
    parts = []
    seen: set[str] = set()
    for number, member in enumerate(submission.side_car.members):
        called = checkpoint_name(member.checkpoint)
        name = next((found for each in told if (found := _member(each, number, known))), None)
        part = (
            _of_run(name, "member", known, seen) if name else Ancestry("member", called, False, ())
        )
        parts.append(part)
    for file in submission.side_car.files:
        parts.append(Ancestry("merged file", PurePosixPath(file.file).name, False, ()))
    return _cut(Ancestry("", submission.name, False, tuple(parts)))


def _member(told: SubmissionRecord, number: int, known: _Runs) -> str | None:
    """Return the record of the run that a member of a submission comes from."""
    if number >= len(told.members):
        return None
    member = told.members[number]
    if member.record in known.by_record:
        return member.record
    return known.record_of(member.run, told.author, told.created)


def _of_run(name: str, how: str, known: _Runs, seen: set[str], depth: int = 0) -> Ancestry:
    record = known.by_record[name]
    if name in seen or depth == _DEEPEST:  # records of others may even name themselves
        return Ancestry(how, name, True, (), is_repeated=bool(record.parents))
    seen.add(name)
    return _cut(Ancestry(how, name, True, tuple(_parts(record, known, seen, depth + 1))))


def _parts(record: RunRecord, known: _Runs, seen: set[str], depth: int) -> Iterator[Ancestry]:
    for parent in record.parents:
        checkpoints = parent.get("checkpoints")
        if isinstance(checkpoints, list) and checkpoints:
            networks = [("teacher", each) for each in checkpoints if isinstance(each, Mapping)]
        elif parent.get("checkpoint") is not None:
            networks = [(str(parent.get("kind", "")), parent)]
        else:
            teachers = parent.get("teachers")
            for each in teachers if isinstance(teachers, list) else ():
                yield Ancestry("teacher", str(each), False, ())
            continue
        for how, network in networks:
            told = network.get("record")
            name = told if isinstance(told, str) and told in known.by_record else None
            name = name or known.record_of(network.get("run"), record.author, record.started)
            if name is not None:
                yield _of_run(name, how, known, seen, depth)
            else:
                called = checkpoint_name(str(network.get("checkpoint", "")))
                yield Ancestry(how, called, False, ())


def _cut(origin: Ancestry) -> Ancestry:
    left_out = len(origin.parts) - _MOST_PARTS
    if left_out <= 0:
        return origin
    return replace(origin, parts=origin.parts[:_MOST_PARTS], left_out=left_out)
