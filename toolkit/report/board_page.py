"""The page of the board; of thousands of entries it shows the best and the newest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, get_args

from toolkit import __version__
from toolkit.metrics.scores import metric_title
from toolkit.plugin.metric import DEFAULT_METRIC
from toolkit.project import Project
from toolkit.records.moment import moment_of, now
from toolkit.records.run_listing import days_since
from toolkit.report.board import BOARD_SCORES, Board, agreement_text, merit_of
from toolkit.report.line_chart import ChartLine, line_chart
from toolkit.report.page import write_page
from toolkit.report.run_content import Chart
from toolkit.report.wall import COLUMNS, WallCard, WallNote
from toolkit.report.wall_listing import Shown
from toolkit.submission.listing import Row

_MOST_ROWS = 250
"""Rows of a table that are shown because they are the best, and as many because they are new."""
_MOST_CARDS = 100
"""Cards in a column of the wall."""
_MOST_TREES = 60
_MOST_WARNINGS = 20
_DAY = 24 * 3600.0

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class _Column:
    """A column of the wall: its newest cards, and the number of all."""

    name: str
    cards: Sequence[WallCard]
    total: int


@dataclass(frozen=True)
class _Rows(Generic[Entry]):
    """Rows of a table, the best first, and the number of all."""

    shown: Sequence[Entry]
    total: int


def write_board(board: Board, project: Project, path: Path) -> None:
    """Write the page of the team.

    Args:
        board: what it shows.
        project: of the team.
        path: the HTML file.
    """
    scores = [
        name
        for name in BOARD_SCORES
        if any(getattr(row, name) is not None for row in board.submissions)
    ]
    runs = _best_and_newest(board.runs, lambda row: row.started)
    columns = [_column(name, board.wall) for name in COLUMNS]
    on_wall = [card for column in columns for card in column.cards]
    lists = {"series": "Series"} if board.series else {}
    trees = {"lineage": "Lineage"} if board.lineages else {}
    write_page(
        path,
        "board.html",
        title=f"Board of {project.root.name}",
        what="what the team has planned, run and submitted",
        warnings=_few(board.broken),
        sections=list(
            {
                "ranking": "Ranking",
                "wall": "Wall",
                "progress": "Progress",
                "submissions": "Submissions",
                "runs": "Runs",
                **lists,
                **trees,
            }.items()
        ),
        footer=f"Written {now()} by trash {__version__} from records/ and submissions/.",
        tiles=_tiles(board),
        board=board,
        columns=columns,
        members=sorted({name for card in on_wall for name in card.members}),
        tags=sorted({tag for card in on_wall for tag in card.tags}),
        days={card.record: days_since(card.date) for card in on_wall if card.status == "running?"},
        statuses=list(get_args(Shown)),
        ages={card.record: _age(card) for card in on_wall},
        merits={card.record: "" if card.validation is None else card.merit for card in on_wall},
        most=_MOST_ROWS,
        scores=scores,
        score_titles=[_title(name, board.submissions) for name in scores],
        chart=_progress(board.submissions, scores),
        agreements=[agreement_text(each) for each in board.agreements if each.n],
        submissions=_best_and_newest(board.submissions, lambda row: row.created),
        runs=runs,
        run_places={row.record: f"run-{number}" for number, row in enumerate(runs.shown)},
        notes=_notes(board.wall),
        several={row.metric for row in board.runs} - {None, DEFAULT_METRIC},
        series=_best_and_newest(board.series, lambda row: row.created),
        trees=board.lineages[:_MOST_TREES],
    )


def _column(name: str, wall: Iterable[WallCard]) -> _Column:
    cards = [card for card in wall if card.status in COLUMNS[name]]
    return _Column(name, cards[:_MOST_CARDS], len(cards))


def _age(card: WallCard) -> float:
    moment = moment_of(card.date)
    return 0.0 if moment is None else moment.timestamp()


def _best_and_newest(rows: Sequence[Entry], age: Callable[[Entry], str]) -> _Rows[Entry]:
    """Return rows of which the best is last, the best first; of too many the best and newest."""
    shown = list(reversed(rows))
    if len(rows) > 2 * _MOST_ROWS:
        places = sorted(range(_MOST_ROWS, len(shown)), key=lambda each: age(shown[each]))
        kept = {*range(_MOST_ROWS), *places[-_MOST_ROWS:]}
        shown = [row for place, row in enumerate(shown) if place in kept]
    return _Rows(shown, len(rows))


def _few(messages: Sequence[str]) -> list[str]:
    more = len(messages) - _MOST_WARNINGS
    told = [f"and {more} more, which `trash board` lists"] if more > 0 else []
    return [*messages[:_MOST_WARNINGS], *told]


def _notes(wall: Iterable[WallCard]) -> dict[str, list[WallNote]]:
    found: dict[str, list[WallNote]] = defaultdict(list)
    for card in wall:
        for note in card.notes:
            found[note.about].append(note)
    return dict(found)


def _tiles(board: Board) -> list[tuple[str, str]]:
    best = [place.best for place in board.places if place.rank == 1]
    found = [
        ("members", str(len(board.places))),
        ("runs", str(len(board.runs))),
        ("submissions", str(len(board.submissions))),
    ]
    if best and best[0] is not None:
        found.append((f"best {_title(board.ranked_by, board.submissions)}", f"{best[0]:.4f}"))
    uploads = board.uploads
    if uploads.per_day is not None:
        found.append((f"uploads of {uploads.day}", f"{uploads.uploaded} of {uploads.per_day}"))
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
    dated = [(moment, row) for row in rows if (moment := moment_of(row.created)) is not None]
    ordered = sorted(dated, key=lambda each: each[0])
    lines = []
    for name in scores:
        points: list[tuple[float, float | None]] = []
        best: Row | None = None
        for moment, row in ordered:
            if getattr(row, name) is None:
                continue
            if best is None or merit_of(row, name) > merit_of(best, name):
                best = row
            days = (moment - ordered[0][0]).total_seconds() / _DAY
            points.append((round(days, 3), getattr(best, name)))
        lines.append(ChartLine(name, _corners(points)))
    return Chart(
        "The best score so far",
        line_chart("best scores over the days", "days since the first submission", lines),
    )


def _corners(points: Sequence[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    """Return the points of a line without those that lie between two of the same height."""
    last = len(points) - 1
    return [
        point
        for place, point in enumerate(points)
        if place in (0, last) or not points[place - 1][1] == point[1] == points[place + 1][1]
    ]
