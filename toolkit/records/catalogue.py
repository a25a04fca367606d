"""All records of a project, and the one that a person names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Generic, TypeVar

from toolkit.errors import UsageError
from toolkit.project import RECORDS, Project
from toolkit.records.record import SUFFIX, Record, read_record, record_files, record_name
from toolkit.suggestions import nearest

_SHOWN = 5

Kind = TypeVar("Kind", bound=Record, covariant=True)


@dataclass(frozen=True)
class StoredRecord(Generic[Kind]):
    """A record with its file.

    Attributes:
        path: the file.
        record: what it says.
        called: what its run or submission is called on its author's machine; the title of a card,
            and what a note is about.
        at_work: whether a process of this machine executes the run; None = nobody here can tell.
    """

    path: Path
    record: Kind
    called: str
    at_work: bool | None = None

    @property
    def name(self) -> str:
        """Name of the record: "AUTHOR/NAME-DIGITS"."""
        return record_name(self.path)


@dataclass(frozen=True)
class Catalogue:
    """The records of a project.

    Attributes:
        records: those that can be read, in the order of their names.
        broken: what is wrong with each of the others.
    """

    records: tuple[StoredRecord[Record], ...]
    broken: tuple[UsageError, ...]

    def of(self, *kinds: type[Kind]) -> list[StoredRecord[Kind]]:
        """Return the records of some kinds."""
        return [
            StoredRecord(each.path, each.record, each.called)
            for each in self.records
            if isinstance(each.record, kinds)
        ]


def read_records(project: Project) -> Catalogue:
    """Read every record of a project; broken ones are told, and hide no other."""
    found, broken = [], []
    for path in record_files(project):
        try:
            found.append(stored(path))
        except UsageError as error:
            broken.append(error)
    return Catalogue(tuple(found), tuple(broken))


def stored(path: Path) -> StoredRecord[Record]:
    """Return the record of a file.

    Raises:
        UsageError: it is broken.
    """
    record = read_record(path)
    if record.kind == "submission":
        return StoredRecord(path, record, PurePosixPath(str(record.side_car.get("file", ""))).stem)
    if record.kind == "card":
        return StoredRecord(path, record, record.title)
    if record.kind == "note":
        return StoredRecord(path, record, record.about)
    return StoredRecord(path, record, record.name)


def find_record(
    text: str, project: Project, records: Sequence[StoredRecord[Kind]], what: str, listed_by: str
) -> StoredRecord[Kind]:
    """Return the record that a person means, see `choose_record`.

    Args:
        text: as written.
        project: whose records they are.
        records: to choose from.
        what: what is looked for, in messages: "run".
        listed_by: the command that lists them.

    Raises:
        UsageError: there is none, with the nearest name; or several fit; or its file is broken.
    """
    found = choose_record(text, project, records)
    if found is not None:
        return found
    file = _file(text, project)
    if file is not None:
        stored(file)  # raises if it is broken
        raise UsageError(f"{text} is no record of a {what}")
    path = Path(text)
    if path.is_absolute() and path.is_relative_to(project.records):
        lost = record_name(path)
        raise UsageError(
            f"there is no record {lost}",
            f"If it was committed: git checkout -- {RECORDS}/{lost}{SUFFIX}",
        )
    near = nearest(text, _names(records))
    hint = f"Did you mean {near}?" if near else f"List them: {listed_by}"
    raise UsageError(f"there is no record of a {what} {text}", hint)


def choose_record(
    text: str, project: Project, records: Sequence[StoredRecord[Kind]]
) -> StoredRecord[Kind] | None:
    """Return the record that a text means; None = none of them.

    It is the path of the file, the name of the record with or without the author, a beginning or
    the digits of that name, or what it is called on its author's machine.

    Raises:
        UsageError: several fit.
    """
    file = _file(text, project)
    wanted = text.removesuffix(SUFFIX)
    for fits in (_is, _is_called, _begins):
        found = [each for each in records if each.path == file or fits(each, wanted)]
        if len(found) > 1:
            names = [f"{each.name} ({each.called})" for each in found]
            more = ", …" if len(names) > _SHOWN else ""
            shown = ", ".join(names[:_SHOWN]) + more
            raise UsageError(f"{text} may mean {len(found)} records", f"Name one: {shown}")
        if found:
            return found[0]
    return None


def _file(text: str, project: Project) -> Path | None:
    """Return the file of a record that a text is the path of."""
    path = Path(text)
    known = {each.resolve(): each for each in record_files(project)} if path.suffix else {}
    return known.get(path.resolve()) if known else None


def _is(found: StoredRecord[Record], text: str) -> bool:
    name = found.name
    return text in (name, PurePosixPath(name).name, f"{found.path.parent.parent.name}/{name}")


def _begins(found: StoredRecord[Record], text: str) -> bool:
    name = found.name
    digits = name.rpartition("-")[2]
    return bool(text) and any(
        each.startswith(text) for each in (name, PurePosixPath(name).name, digits)
    )


def _is_called(found: StoredRecord[Record], text: str) -> bool:
    return text == found.called


def _names(records: Sequence[StoredRecord[Record]]) -> Iterator[str]:
    for each in records:
        for name in (each.name, each.name.rpartition("-")[0]):
            yield from (name, PurePosixPath(name).name)
        yield each.called
