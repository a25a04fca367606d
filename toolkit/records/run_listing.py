"""A table of the team's runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, Literal, Protocol, TypeVar

from toolkit.errors import UsageError
from toolkit.recipe.study import SIGN
from toolkit.records.author import author_slug
from toolkit.records.catalogue import StoredRecord
from toolkit.records.moment import moment_of
from toolkit.records.record import RunRecord
from toolkit.suggestions import did_you_mean

Sort = Literal["validation", "test", "started", "author", "recipe"]

_RECIPES = "recipes"
_LONGEST_VALUE = 30
_PLACE_OF_DATA = "data.root="
"""Where the data lie on a machine changes nothing."""

DOUBTED = "running?"
"""Status of a run of which nothing has been heard for long: it may have died, or its end was not
committed."""
_BELIEVED_FOR = timedelta(days=2)
"""A record is written when a run begins and when it ends, with no sign of life between the two: for
as long a mate's run is taken as running."""


@dataclass(frozen=True)
class RunRow:
    """One run; None = an unknown score.

    Attributes:
        record: name of its record: "AUTHOR/NAME-DIGITS".
        run: name of the run on its author's machine.
        author: who ran it.
        recipe: the recipe, as it is called below `recipes/`.
        title: of the recipe.
        changes: "key=value" of what its recipe changes in those that it extends, then of `--set`.
        seed: of the recipe.
        metric: that decides; None as long as there is no score.
        larger_is_better: whether a larger score by it is the better one.
        validation: score on the validation split.
        test: score on the test split, where its truth is known.
        started: UTC, ISO 8601.
        status: how far it is; `DOUBTED` where that is long ago.
    """

    record: str
    run: str
    author: str
    recipe: str
    title: str
    changes: tuple[str, ...]
    seed: int
    metric: str | None
    larger_is_better: bool
    validation: float | None
    test: float | None
    started: str
    status: str


def row_of_run(stored: StoredRecord[RunRecord]) -> RunRow:
    """Return the row of one run."""
    record = stored.record
    scores = record.outcome.scores if record.outcome else None
    return RunRow(
        record=stored.name,
        run=record.name,
        author=record.author,
        recipe=recipe_name(record.recipe),
        title=record.title,
        changes=tuple(changes_of(record)),
        seed=record.seed,
        metric=scores.metric if scores else None,
        larger_is_better=scores.larger_is_better if scores else True,
        validation=scores.deciding("validation") if scores else None,
        test=scores.deciding("test") if scores else None,
        started=record.started,
        status=status_of(stored),
    )


def status_of(stored: StoredRecord[RunRecord]) -> str:
    """Return how far a run is: `DOUBTED` if it began days ago and nobody here knows its process."""
    record = stored.record
    begun = moment_of(record.started)
    is_old = begun is None or datetime.now(UTC) - begun > _BELIEVED_FOR
    is_doubted = record.status == "running" and stored.at_work is None and is_old
    return DOUBTED if is_doubted else record.status


def days_since(moment: str) -> int | None:
    """Return the whole days since a moment; None = the text is none."""
    begun = moment_of(moment)
    return None if begun is None else max(0, (datetime.now(UTC) - begun).days)


def recipe_name(path: str) -> str:
    """Return what a recipe is called: its path below `recipes/`, without the ending.

    A row of a study has its name after that: "studies/losses#focal".
    """
    file, sign, variant = path.partition(f".toml{SIGN}")
    whole = PurePosixPath(f"{file}.toml" if sign else path)
    inner = whole.relative_to(_RECIPES) if whole.parts[:1] == (_RECIPES,) else whole
    name = (inner.with_suffix("") if inner.name else inner).as_posix()
    return f"{name}{SIGN}{variant}" if sign else name


def changes_of(record: RunRecord) -> Iterator[str]:
    """Yield "key=value" of what the recipe's file changes, then of the options of the command."""
    yield from changed_values(record.own)
    words = iter(record.options)
    for option, word in zip(words, words, strict=False):
        if not word.startswith(_PLACE_OF_DATA):
            yield word if option == "--set" else f"without {word}"


def changed_values(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield "key=value" of what a recipe's file changes."""
    return (f"{key}={value_text(value)}" for key, value in values.items())


def value_text(value: Any) -> str:
    """Return a value of a recipe on one short line."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


class _Made(Protocol):
    @property
    def author(self) -> str: ...
    @property
    def recipe(self) -> str: ...


Made = TypeVar("Made", bound=_Made)


def chosen_rows(
    rows: Sequence[Made], author: str | None, recipe: str | None, what: str
) -> list[Made]:
    """Return the rows of an author, of a recipe, or of both.

    Args:
        rows: all of them, of runs or series.
        author: name of the author, or of the author's folder; None = of all.
        recipe: path or name of the recipe, or of a folder of recipes; None = of all.
        what: a row is, in messages: "run".

    Raises:
        UsageError: nobody of that name has made any, or nobody by that recipe.
    """
    if author is not None:
        known = {row.author for row in rows}
        slug = author_slug(author)
        if slug not in map(author_slug, known):
            raise UsageError(
                f"--author {author}: no {what} is by them", did_you_mean(author, known)
            )
        rows = [row for row in rows if author_slug(row.author) == slug]
    if recipe is not None:
        wanted = recipe_name(recipe)
        found = [row for row in rows if is_of(row.recipe, wanted)]
        if not found:
            names = {row.recipe for row in rows}
            raise UsageError(f"--recipe {recipe}: no {what} is of it", did_you_mean(wanted, names))
        rows = found
    return list(rows)


def is_of(recipe: str, wanted: str) -> bool:
    """Return whether a recipe is called so, with or without its folder, or lies in that folder."""
    path = PurePosixPath(recipe)
    return recipe == wanted or path.name == wanted or path.is_relative_to(wanted)


def sorted_run_rows(rows: Sequence[RunRow], by: Sort) -> list[RunRow]:
    """Return the rows by one of their values, the best or newest last, so that it is seen last.

    Those without the score come first, and before the others those whose score is by another metric
    than most, as scores by different metrics have no order.
    """
    aged = sorted(rows, key=lambda row: row.started)
    if by in ("started", "author", "recipe"):
        return sorted(aged, key=lambda row: str(getattr(row, by)))
    scored = [row.metric for row in aged if getattr(row, by) is not None]
    usual = Counter(scored).most_common(1)[0][0] if scored else None
    return sorted(
        aged,
        key=lambda row: (
            getattr(row, by) is not None,
            row.metric == usual,
            row.metric or "",
            _merit(row, by),
        ),
    )


def _merit(row: RunRow, by: str) -> float:
    score: float = getattr(row, by) or 0.0
    return score if row.larger_is_better else -score
