"""The board: every run and submission of the team on one page, ranked as a contest does it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.experiment.execution.manifest import now
from toolkit.experiment.recorded_runs import recorded_runs
from toolkit.metrics.scores import metric_title
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.project import Project
from toolkit.records.run_listing import RunRow, row_of_run, sorted_run_rows
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.page import write_page
from toolkit.report.run_content import Chart
from toolkit.submission.history import read_submissions
from toolkit.submission.listing import Agreement, Row, agreements, row_of, sorted_rows

_SCORES = ("public", "private", "local", "validation")
"""Scores of a submission, those of the leaderboard first."""
_DAY = 24 * 3600.0


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
        broken: what cannot be read.
    """

    runs: tuple[RunRow, ...]
    submissions: tuple[Row, ...]
    ranked_by: str
    places: tuple[Place, ...]
    agreements: tuple[Agreement, ...]
    broken: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def read_board(project: Project) -> Board:
    """Return the runs and submissions of the team, from records and side-cars."""
    found, broken = recorded_runs(project)
    runs = [row_of_run(each) for each in found]
    submitted, unreadable = read_submissions(project)
    rows = [row_of(each) for each in submitted]
    ranked_by = next(
        (name for name in _SCORES if any(getattr(row, name) is not None for row in rows)),
        "validation",
    )
    return Board(
        tuple(sorted_run_rows(runs, "validation") if runs else ()),
        tuple(sorted_rows(rows, ranked_by)),
        ranked_by,
        _places(runs, [(each.authors, row_of(each)) for each in submitted], ranked_by),
        agreements(rows),
        tuple(_told([*broken, *unreadable])),
    )


def write_board(board: Board, project: Project, path: Path) -> None:
    """Write the page of the team.

    Args:
        board: what it shows.
        project: of the team.
        path: the HTML file.
    """
    scores = [
        name for name in _SCORES if any(getattr(row, name) is not None for row in board.submissions)
    ]
    write_page(
        path,
        "board.html",
        title=f"Board of {project.root.name}",
        what="runs and submissions of the team",
        warnings=board.broken,
        sections=[
            ("ranking", "Ranking"),
            ("progress", "Progress"),
            ("submissions", "Submissions"),
            ("runs", "Runs"),
        ],
        footer=f"Written {now()} by trash {__version__} from records/ and submissions/.",
        tiles=_tiles(board),
        board=board,
        scores=scores,
        score_titles=[_title(name, board.submissions) for name in scores],
        chart=_progress(board.submissions, scores),
        best_first=list(reversed(board.submissions)),
        runs_best_first=list(reversed(board.runs)),
        several={row.metric for row in board.runs} - {None, DEFAULT_METRIC},
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
                author not in best or _merit(row, ranked_by) > _merit(best[author], ranked_by)
            ):
                best[author] = row
    merits = {author: _merit(row, ranked_by) for author, row in best.items()}
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


def _merit(row: Row, by: str) -> float:
    """Return a score so that larger is better; those of a leaderboard are taken as larger."""
    score: float = getattr(row, by)
    own = by in ("validation", "local")
    return score if row.larger_is_better or not own else -score


def _tiles(board: Board) -> list[tuple[str, str]]:
    best = [place.best for place in board.places if place.rank == 1]
    found = [
        ("members", str(len(board.places))),
        ("runs", str(len(board.runs))),
        ("submissions", str(len(board.submissions))),
    ]
    if best and best[0] is not None:
        found.append((f"best {_title(board.ranked_by, board.submissions)}", f"{best[0]:.4f}"))
    return found


def _title(name: str, rows: Sequence[Row]) -> str:
    """Return what a score is called: with its metric, if that is one."""
    metrics = {row.metric for row in rows if getattr(row, name) is not None}
    if name in ("public", "private") or len(metrics) != 1:
        return name
    (metric,) = metrics
    return f"{name} {metric_title(metric or DEFAULT_METRIC)}"


def _progress(rows: Sequence[Row], scores: Sequence[str]) -> Chart:
    """Return the best score so far over the days since the first submission."""
    ordered = sorted(rows, key=lambda row: row.created)
    lines = []
    for name in scores:
        points: list[tuple[float, float | None]] = []
        best: Row | None = None
        for row in ordered:
            if getattr(row, name) is None:
                continue
            if best is None or _merit(row, name) > _merit(best, name):
                best = row
            points.append((_days(ordered[0], row), getattr(best, name)))
        lines.append(ChartLine(name, points))
    return Chart(
        "The best score so far",
        line_chart("best scores over the days", "days since the first submission", lines),
    )


def _days(first: Row, row: Row) -> float:
    begin, moment = (datetime.fromisoformat(each.created) for each in (first, row))
    return round((moment - begin).total_seconds() / _DAY, 3)
