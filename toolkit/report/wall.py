"""The wall: a card for each idea and each experiment, by how far it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from toolkit.experiment.recorded_runs import StoredRun
from toolkit.recipe.find import SUFFIX
from toolkit.records.card import CardRecord, NoteRecord
from toolkit.records.catalogue import Catalogue, StoredRecord
from toolkit.records.notes import notes_by_record
from toolkit.records.record import SeriesRecord, StudyRecord
from toolkit.records.run_listing import DOUBTED, RunRow, is_of, recipe_name, row_of_run
from toolkit.records.series_listing import SeriesRow, row_of_series
from toolkit.records.study_listing import StudyResult, result_of_study
from toolkit.submission.history import Submission
from toolkit.submission.listing import row_of

Status = Literal["planned", "running", "running?", "done", "failed", "interrupted", "dropped"]

COLUMNS: Mapping[str, tuple[Status, ...]] = {
    "planned": ("planned",),
    "running": ("running", "running?"),
    "done": ("done",),
    "dropped or failed": ("dropped", "failed", "interrupted"),
}
"""Columns of the wall and the cards in each."""

_OF_RUN: Mapping[str, Status] = {
    "running": "running",
    DOUBTED: "running?",
    "finished": "done",
    "failed": "failed",
    "interrupted": "interrupted",
}
_SECONDS = len("2026-01-01T00:00:00")
_MEASURED = ("metric", "larger_is_better", "validation", "test")
_MOST_TELLING: tuple[Status, ...] = (
    "running",
    "done",
    "running?",
    "interrupted",
    "failed",
    "dropped",
)
"""Of the runs of one idea, the first of these that there is says how far the idea is."""


@dataclass(frozen=True)
class WallNote:
    """A note, see `NoteRecord`; `about` is the name of the record that it is on."""

    author: str
    text: str
    tags: tuple[str, ...]
    dropped: bool | None
    created: str
    about: str


@dataclass(frozen=True)
class WallCard:
    """An idea with all runs that try it, or a run, series or submission that belongs to none.

    Attributes:
        record: name of the record, "AUTHOR/NAME-DIGITS"; of a submission that only a side-car tells
            of the name of its file.
        kind: what it is.
        title: in one line.
        members: who had the idea, and who ran it.
        status: how far it is.
        recipe: the recipe, as it is called below `recipes/`; None = not known.
        changes: "key=value" of what the best run's recipe and command change; of a planned idea
            what its recipe changes as it is here; of a study its best variant and what that gained.
        text: why, of an idea.
        tags: of the card, and of the notes on it and its runs.
        notes: on it and its runs, the oldest first.
        records: names of all records that it stands for: notes on these are notes on it.
        runs: those of the runs and series of an idea, and of the runs of a series or study.
        made_of: members of a submission, as the people call them.
        metric: that decides; None as long as there is no score.
        larger_is_better: whether a larger score by it is the better one.
        validation: best score on the validation split, of a series the mean, of a study that of its
            best variant; None = unknown.
        test: score on the test split of the same run; None = unknown.
        public: best public score of a submission of it; None = unknown.
        private: its private score; None = unknown.
        date: when the last run began, or the card was made; UTC, ISO 8601.
    """

    record: str
    kind: Literal["idea", "run", "series", "study", "submission"]
    title: str
    members: tuple[str, ...]
    status: Status
    recipe: str | None
    changes: tuple[str, ...]
    text: str
    tags: tuple[str, ...]
    notes: tuple[WallNote, ...]
    records: tuple[str, ...]
    runs: tuple[str, ...]
    made_of: tuple[str, ...]
    metric: str | None
    larger_is_better: bool
    validation: float | None
    test: float | None
    public: float | None
    private: float | None
    date: str

    @property
    def merit(self) -> float:
        """The validation score so that larger is better; the least without one."""
        if self.validation is None:
            return -float("inf")
        return self.validation if self.larger_is_better else -self.validation


def build_wall(
    catalogue: Catalogue, runs: Sequence[StoredRun], submissions: Sequence[Submission]
) -> tuple[WallCard, ...]:
    """Return the cards of the wall, the newest first.

    A run, or a series with its runs, belongs to the newest idea that names its recipe and was
    planned before it began, whoever planned and whoever ran it: an idea has a recipe of its own.
    The submission that a run or series made itself is shown with it.

    Args:
        catalogue: the records.
        runs: of the team, as they are.
        submissions: of the team.
    """
    notes = notes_by_record(catalogue)
    ideas = catalogue.of(CardRecord)
    plans = _Plans(ideas)
    of_idea: dict[str, list[WallCard]] = defaultdict(list)
    cards = []
    for work in _works(catalogue, runs, submissions):
        noted = _with_notes(work, notes)
        idea = plans.newest_of(work)
        if idea is None:
            cards.append(noted)
        else:
            of_idea[idea].append(noted)
    cards += [_with_notes(_of_idea(each, of_idea[each.name]), notes) for each in ideas]
    return tuple(sorted(cards, key=lambda card: (card.date, card.record), reverse=True))


class _Plans:
    """The ideas by the recipes that they name."""

    def __init__(self, ideas: Iterable[StoredRecord[CardRecord]]) -> None:
        self._exact: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self._open: list[tuple[str, tuple[str, str]]] = []
        for each in ideas:
            recipe, plan = each.record.recipe, (each.record.created, each.name)
            if recipe is not None and recipe.endswith(SUFFIX):
                self._exact[recipe_name(recipe)].append(plan)
            elif recipe is not None:
                # Written before there was the recipe: the folder is not known.
                self._open.append((recipe_name(recipe), plan))
        self._of_recipe: dict[str, list[tuple[str, str]]] = {}

    def newest_of(self, work: WallCard) -> str | None:
        """Return the newest idea, by its record, that names a work's recipe and is older."""
        recipe = work.recipe
        if recipe is None:
            return None
        if recipe not in self._of_recipe:
            named = [plan for wanted, plan in self._open if is_of(recipe, wanted)]
            plans = [*self._exact.get(recipe, ()), *named]
            self._of_recipe[recipe] = sorted(plans, reverse=True)
        # Runs know the second of their beginning only.
        begun = work.date[:_SECONDS]
        return next((name for at, name in self._of_recipe[recipe] if at[:_SECONDS] <= begun), None)


def _with_notes(card: WallCard, notes: Mapping[str, Sequence[NoteRecord]]) -> WallCard:
    about = sorted(
        (note for name in card.records for note in notes.get(name, ())),
        key=lambda note: note.created,
    )
    said = [note.dropped for note in notes.get(card.record, ()) if note.dropped is not None]
    return replace(
        card,
        status="dropped" if said and said[-1] else card.status,
        tags=tuple(dict.fromkeys([*card.tags, *(tag for note in about for tag in note.tags)])),
        notes=tuple(
            WallNote(each.author, each.text, each.tags, each.dropped, each.created, each.about)
            for each in about
        ),
    )


def _of_idea(idea: StoredRecord[CardRecord], works: Sequence[WallCard]) -> WallCard:
    """Return the card of an idea with what its runs have reached and the scores of the best."""
    record = idea.record
    card = WallCard(
        record=idea.name,
        kind="idea",
        title=record.title,
        members=tuple(
            dict.fromkeys([record.author, *(name for work in works for name in work.members)])
        ),
        status="planned",
        recipe=None if record.recipe is None else recipe_name(record.recipe),
        changes=(),
        text=record.text,
        tags=record.tags,
        notes=(),
        records=(idea.name, *(name for work in works for name in work.records)),
        runs=tuple(work.record for work in works),
        made_of=(),
        metric=None,
        larger_is_better=True,
        validation=None,
        test=None,
        public=None,
        private=None,
        date=max([record.created, *(work.date for work in works)]),
    )
    if not works:
        return card
    kept = [work for work in works if work.status != "dropped"] or works
    reached = {work.status for work in kept}
    best = max(kept, key=lambda work: work.merit)
    scores = {name: getattr(best, name) for name in _MEASURED}
    uploaded = max(kept, key=lambda work: (work.public or 0.0, work.private or 0.0))
    scores |= {"public": uploaded.public, "private": uploaded.private}
    status = next(each for each in _MOST_TELLING if each in reached)
    return replace(card, status=status, recipe=best.recipe, changes=best.changes, **scores)


def _works(
    catalogue: Catalogue, runs: Sequence[StoredRun], submissions: Sequence[Submission]
) -> list[WallCard]:
    series = [row_of_series(each) for each in catalogue.of(SeriesRecord)]
    studies = [result_of_study(each) for each in catalogue.of(StudyRecord)]
    together = {record for row in series for record in row.records}
    together |= {record for row in studies for record in row.records}
    made_by: dict[str, list[str]] = defaultdict(list)
    for each in runs:
        if each.record.outcome is not None and each.record.outcome.submission is not None:
            made_by[each.record.outcome.submission].append(each.name)
    for row in series:
        for submission in submissions:
            file = PurePosixPath(submission.side_car.file).name
            if file == row.submission and row.author in submission.authors:
                made_by[submission.side_car.digest].append(row.record)
    told: dict[str, list[Submission]] = defaultdict(list)
    alone = []
    for submission in submissions:
        for name in made_by.get(submission.side_car.digest, ()):
            told[name].append(submission)
        if submission.side_car.digest not in made_by:
            alone.append(submission)
    rows = {each.name: row_of_run(each) for each in runs}
    return [
        *(_of_run(row, told[name]) for name, row in rows.items() if name not in together),
        *(_of_series(row, told[row.record], rows) for row in series),
        *(_of_study(row, [s for name in row.records for s in told[name]]) for row in studies),
        *(_of_submission(each) for each in alone),
    ]


def _of_run(row: RunRow, submitted: Sequence[Submission]) -> WallCard:
    return WallCard(
        record=row.record,
        kind="run",
        title=row.title or row.recipe,
        members=(row.author,),
        status=_OF_RUN[row.status],
        recipe=row.recipe,
        changes=row.changes,
        text="",
        tags=(),
        notes=(),
        records=(row.record, *_records(submitted)),
        runs=(),
        made_of=(),
        metric=row.metric,
        larger_is_better=row.larger_is_better,
        validation=row.validation,
        test=row.test,
        **_leaderboard(submitted),
        date=row.started,
    )


def _of_series(
    row: SeriesRow, submitted: Sequence[Submission], runs: Mapping[str, RunRow]
) -> WallCard:
    first = next((runs[name] for name in row.records if name in runs), None)
    return WallCard(
        record=row.record,
        kind="series",
        title=f"{row.title or row.recipe} ({row.runs} runs)",
        members=(row.author,),
        status="done",
        recipe=row.recipe,
        changes=first.changes if first else (),
        text="",
        tags=(),
        notes=(),
        records=(row.record, *row.records, *_records(submitted)),
        runs=row.records,
        made_of=(),
        metric=row.metric if row.validation is not None else None,
        larger_is_better=row.larger_is_better,
        validation=row.validation,
        test=row.test,
        **_leaderboard(submitted),
        # It was begun with its first run, after the idea was planned.
        date=min([row.created, *(runs[name].started for name in row.records if name in runs)]),
    )


def _of_study(row: StudyResult, submitted: Sequence[Submission]) -> WallCard:
    return WallCard(
        record=row.record,
        kind="study",
        title=f"{row.title or 'comparison'} ({row.variants} variants)",
        members=(row.author,),
        status="done",
        recipe=row.study,
        changes=(f"best: {row.best} {row.gain}".rstrip(),),
        text="",
        tags=(),
        notes=(),
        records=(row.record, *row.records, *_records(submitted)),
        runs=row.records,
        made_of=(),
        metric=row.metric if row.validation is not None else None,
        larger_is_better=row.larger_is_better,
        validation=row.validation,
        test=row.test,
        **_leaderboard(submitted),
        date=row.created,
    )


def _of_submission(submission: Submission) -> WallCard:
    row = row_of(submission)
    return WallCard(
        record=submission.records[0] if submission.records else submission.name,
        kind="submission",
        title=" ".join(filter(None, (row.name, f"({row.combine})" if row.combine else ""))),
        members=submission.authors,
        status="done",
        recipe=None,
        changes=(),
        text="",
        tags=(),
        notes=(),
        records=submission.records or (submission.name,),
        runs=(),
        made_of=row.members,
        metric=row.metric,
        larger_is_better=row.larger_is_better,
        validation=row.validation,
        test=row.local,
        public=row.public,
        private=row.private,
        date=row.created,
    )


def _records(submitted: Iterable[Submission]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in submitted for name in each.records))


def _leaderboard(submitted: Sequence[Submission]) -> dict[str, float | None]:
    """Return the scores of the best submission, those of the public leaderboard first."""
    known = [each.side_car.leaderboard for each in submitted]
    best = max(known, key=lambda each: (each.public or 0.0, each.private or 0.0), default=None)
    return {
        "public": best.public if best else None,
        "private": best.private if best else None,
    }
