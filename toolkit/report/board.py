"""The board: all that the team has planned, run and submitted, ranked as a contest does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.errors import UsageError
from toolkit.experiment.recorded_runs import runs_as_they_are
from toolkit.project import Project
from toolkit.records.catalogue import read_records
from toolkit.records.record import SeriesRecord
from toolkit.records.run_listing import RunRow, row_of_run, sorted_run_rows
from toolkit.records.series_listing import SeriesRow, row_of_series, sorted_series
from toolkit.report.lineage import Ancestry, lineages
from toolkit.report.planned_changes import with_planned_changes
from toolkit.report.wall import COLUMNS, WallCard, build_wall
from toolkit.submission.history import read_submissions
from toolkit.submission.listing import Agreement, Row, agreements, row_of, sorted_rows
from toolkit.submission.uploads import Uploads, uploads_today

BOARD_SCORES = ("public", "private", "local", "validation")
"""Scores of a submission, those of the leaderboard first."""


@dataclass(frozen=True)
class Place:
    """A member's place among the team, as a contest shows it.

    Attributes:
        rank: 1 = the best; members of equal score share one. None = without a score.
        member: who.
        best: the best score; None = without one.
        entries: number of submissions.
        runs: number of runs.
        last: when the last run began or submission was made, UTC, ISO 8601.
    """

    rank: int | None
    member: str
    best: float | None
    entries: int
    runs: int
    last: str


@dataclass(frozen=True)
class Board:
    """What the team has done.

    Attributes:
        runs: the best last.
        submissions: the best last.
        ranked_by: the score that ranks members: that of the leaderboard, if it is known of one.
        places: the members, the best first.
        agreements: how well scores agree about the order of submissions.
        uploads: those of today.
        wall: ideas and experiments by how far they are, the newest first.
        series: one recipe with several seeds or folds, the newest last.
        lineages: what submissions and runs were made from, the newest first.
        broken: what cannot be read.
    """

    runs: tuple[RunRow, ...]
    submissions: tuple[Row, ...]
    ranked_by: str
    places: tuple[Place, ...]
    agreements: tuple[Agreement, ...]
    uploads: Uploads
    wall: tuple[WallCard, ...]
    series: tuple[SeriesRow, ...]
    lineages: tuple[Ancestry, ...]
    broken: tuple[str, ...]

    def facts(self) -> list[str]:
        """Return lines on the wall, on today's uploads, and on how well scores agree."""
        counts = [
            f"{sum(card.status in statuses for card in self.wall)} {name}"
            for name, statuses in COLUMNS.items()
        ]
        return [
            f"cards: {', '.join(counts)}",
            str(self.uploads),
            *(agreement_text(each) for each in self.agreements if each.n),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def read_board(project: Project) -> Board:
    """Return what the team has done, from records, side-cars and the leaderboard's rules."""
    catalogue = read_records(project)
    found = runs_as_they_are(catalogue, project)
    runs = [row_of_run(each) for each in found]
    submitted, broken = read_submissions(project, catalogue)
    uploads = uploads_today(project, submitted)
    rows = [row_of(each) for each in submitted]
    ranked_by = next(
        (name for name in BOARD_SCORES if any(getattr(row, name) is not None for row in rows)),
        "validation",
    )
    return Board(
        tuple(sorted_run_rows(runs, "validation") if runs else ()),
        tuple(sorted_rows(rows, ranked_by)),
        ranked_by,
        _places(runs, [(each.authors, row_of(each)) for each in submitted], ranked_by),
        agreements(rows),
        uploads,
        with_planned_changes(build_wall(catalogue, found, submitted), project),
        tuple(sorted_series([row_of_series(each) for each in catalogue.of(SeriesRecord)])),
        lineages(catalogue, found, submitted),
        (*_told(broken), *uploads.doubts),
    )


def _told(errors: Iterable[UsageError]) -> Iterable[str]:
    return dict.fromkeys(error.message for error in errors)


Entry = tuple[tuple[str, ...], Row]
"""A submission with its authors."""


def _places(runs: Sequence[RunRow], entries: Sequence[Entry], ranked_by: str) -> tuple[Place, ...]:
    members = dict.fromkeys(
        [*(author for authors, _ in entries for author in authors), *(row.author for row in runs)]
    )
    best: dict[str, Row] = {}
    for authors, row in entries:
        for author in authors:
            if getattr(row, ranked_by) is not None and (
                author not in best or merit_of(row, ranked_by) > merit_of(best[author], ranked_by)
            ):
                best[author] = row
    merits = {author: merit_of(row, ranked_by) for author, row in best.items()}
    places = []
    for member in members:
        own = [row for authors, row in entries if member in authors]
        begun = [row for row in runs if row.author == member]
        merit = merits.get(member)
        rank = None if merit is None else 1 + sum(each > merit for each in merits.values())
        score = getattr(best[member], ranked_by) if member in best else None
        last = max([*(row.created for row in own), *(row.started for row in begun)])
        places.append(Place(rank, member, score, len(own), len(begun), last))
    return tuple(sorted(places, key=lambda each: (each.rank or len(places) + 1, each.member)))


def merit_of(row: Row, by: str) -> float:
    """Return a score so that larger is better; those of a leaderboard are taken as larger."""
    score: float = getattr(row, by)
    own = by in ("validation", "local")
    return score if row.larger_is_better or not own else -score


def agreement_text(agreement: Agreement) -> str:
    """Return in a sentence how well two scores agree, or that too few have both."""
    first, second, n = agreement.first.capitalize(), agreement.second, agreement.n
    if agreement.correlation is not None:
        return (
            f"{first} and {second} scores put {n} submissions into the same order with rank "
            f"correlation {agreement.correlation:+.2f} (Spearman; 1 = the same order)."
        )
    if n < 3:
        have = "submission has" if n == 1 else "submissions have"
        return f"{first} and {second}: {n} {have} both scores, too few; 3 say whether they agree."
    return (
        f"{first} and {second}: one of them is equal for all {n} submissions: no order to compare."
    )
