"""Earlier submissions, read from their side-cars here and from the records of the team."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from toolkit.errors import UsageError
from toolkit.files import file_digest
from toolkit.project import Project
from toolkit.recipe.problems import shown_path
from toolkit.records.catalogue import Catalogue, read_records
from toolkit.records.record import SubmissionRecord
from toolkit.submission.side_car import (
    Leaderboard,
    SideCar,
    read_side_car,
    side_car_path,
)
from toolkit.submission.team_record import side_car_of


@dataclass(frozen=True)
class Submission:
    """A submission known by its side-car or by a record; the file itself may be elsewhere.

    Attributes:
        path: the file; for one that only a record tells of, the record.
        side_car: its side-car, with the leaderboard scores that anybody has recorded.
        authors: who made this file, as far as records tell.
        is_here: whether its side-car is here.
        records: names of the records that tell of it.
    """

    path: Path
    side_car: SideCar
    authors: tuple[str, ...]
    is_here: bool
    records: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What it is called here, or on its author's machine."""
        return self.path.stem if self.is_here else PurePosixPath(self.side_car.file).stem


def read_submissions(
    project: Project, catalogue: Catalogue | None = None
) -> tuple[list[Submission], list[UsageError]]:
    """Return the submissions of the team by age, the newest last, and what cannot be read.

    Files of equal content are one submission, unless several side-cars here name it.

    Args:
        project: has the side-cars and records.
        catalogue: the records, where they were read before.
    """
    here, broken = _read_side_cars(project.submissions)
    catalogue = catalogue or read_records(project)
    records, unreadable = catalogue.of(SubmissionRecord), catalogue.broken
    told: dict[str, list[Submission]] = defaultdict(list)
    for stored in records:
        try:
            side_car = side_car_of(stored)
        except UsageError as error:
            broken.append(error)
            continue
        author = stored.record.author
        told[side_car.digest].append(
            Submission(stored.path, side_car, (author,), is_here=False, records=(stored.name,))
        )
    merged = [_merged(each, told.get(each.side_car.digest, ())) for each in here]
    known = {each.side_car.digest for each in here}
    merged += [_merged(same[0], same) for digest, same in told.items() if digest not in known]
    return sorted(merged, key=lambda each: each.side_car.created), [*broken, *unreadable]


def _read_side_cars(folder: Path) -> tuple[list[Submission], list[UsageError]]:
    found, broken = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            side_car = read_side_car(path)
        except UsageError as error:
            broken.append(error)
            continue
        # Both may have been renamed since: the side-car's own name counts.
        file = path.with_suffix(PurePosixPath(side_car.file).suffix)
        found.append(Submission(file, side_car, (), is_here=True))
    return found, broken


def _merged(submission: Submission, told: Sequence[Submission]) -> Submission:
    """Return a submission with what records tell of the same file: its authors, and its scores.

    Of scores that differ the more complete ones count, and a record's before the side-car's:
    it comes from git, where everybody has had a chance to correct it.
    """
    said = [each.side_car.leaderboard for each in (submission, *told)]
    authors = dict.fromkeys(author for each in told for author in each.authors)
    side_car = replace(submission.side_car, leaderboard=max(reversed(said), key=_n_scores))
    records = tuple(name for each in told for name in each.records)
    return replace(submission, side_car=side_car, authors=tuple(authors), records=records)


def _n_scores(leaderboard: Leaderboard) -> int:
    return (leaderboard.public is not None) + (leaderboard.private is not None)


def identical_to(
    file: Path, labels_digest: str, submissions: Sequence[Submission], folder: Path
) -> Iterator[str]:
    """Yield a sentence for each earlier submission with the same bytes, or the same labels.

    Args:
        file: the file.
        labels_digest: digest of its labels.
        submissions: those of the folder; their files need not be here.
        folder: is also searched for files without a side-car.
    """
    digest = file_digest(file)
    own = side_car_path(file).resolve()
    for each in submissions:
        if each.is_here and side_car_path(each.path).resolve() == own:
            continue
        if each.side_car.digest == digest:
            yield f"{file} is the same file as {_described(each)}"
        elif each.side_car.labels_digest == labels_digest:
            yield f"{file} has the same labels as {_described(each)}"
    size = file.stat().st_size
    for path in sorted(folder.glob(f"*{file.suffix}")):
        if path.samefile(file) or side_car_path(path).exists() or path.stat().st_size != size:
            continue
        if file_digest(path) == digest:
            yield f"{file} is the same file as {shown_path(path)}"


def _described(submission: Submission) -> str:
    board = submission.side_car.leaderboard
    known = [("public", board.public), ("private", board.private)]
    recorded = ", ".join(f"{name} {score:.4f}" for name, score in known if score is not None)
    path = shown_path(submission.path)
    by = ", ".join(submission.authors) if not submission.is_here else ""
    facts = ", ".join(filter(None, (by and f"{submission.name} of {by}", recorded)))
    return f"{path} ({facts})" if facts else path
