"""Writing on the board: an idea before it is run, and a note on anything that is there.

Both are new files, see `toolkit.records.card`: nothing that somebody else wrote is ever changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.experiment.recorded_runs import own_record
from toolkit.project import Project
from toolkit.recipe.find import SUFFIX, UnknownRecipe, find_recipe
from toolkit.records.author import author_name, printable, slug
from toolkit.records.card import (
    LONGEST_TAG,
    LONGEST_TEXT,
    LONGEST_TITLE,
    MOST_TAGS,
    CardRecord,
    NoteRecord,
)
from toolkit.records.catalogue import StoredRecord, choose_record, find_record, read_records
from toolkit.records.record import (
    Record,
    SubmissionRecord,
    new_record_name,
    record_path,
    write_record,
)
from toolkit.submission.side_car import portable_path

_NOTE = "note"


@dataclass(frozen=True)
class PlannedCard:
    """A card that was put on the board.

    Attributes:
        name: of its record.
        path: the file of that.
        record: what it says.
        doubts: what may be a slip of the pen, and what has been planned before.
    """

    name: str
    path: Path
    record: CardRecord
    doubts: tuple[str, ...]


def plan_card(
    project: Project, title: str, recipe: str | None, text: str, tags: Sequence[str]
) -> PlannedCard:
    """Put an idea on the board before it is run.

    Args:
        project: has the records.
        title: the idea in one line.
        recipe: path or name of the recipe that tries it, which need not be there yet; None = not
            known.
        text: why, and what it is expected to change.
        tags: words that it is found by.

    Raises:
        UsageError: there is no title, something is too long, or several recipes have the name.
    """
    title = " ".join(printable(title).split())
    if not title:
        raise UsageError(
            "an idea needs a title", 'As in: trash board plan "Dice for small objects"'
        )
    if len(title) > LONGEST_TITLE:
        raise UsageError(
            f"a title has at most {LONGEST_TITLE} letters, this one has {len(title)}",
            "Say it in one line, and the rest with --text.",
        )
    path, doubts = _recipe(recipe, project)
    doubts += tuple(_planned_before(title, path, project))
    author = author_name(project)
    record = CardRecord(author, title, path, _text(text), _tags(tags), _now())
    name = new_record_name(author, slug(title) or "card")
    file = record_path(project, name)
    write_record(file, record)
    return PlannedCard(name, file, record, doubts)


def write_note(
    project: Project, about: str, text: str, tags: Sequence[str], dropped: bool | None
) -> tuple[Path, NoteRecord]:
    """Write a note on a card, run, series or submission; return its file, and what it says.

    Args:
        project: has the records.
        about: what the note is on, see `find_on_board`.
        text: the note; may be empty where tags or `dropped` say it.
        tags: words that it is found by from now on.
        dropped: True = it is given up, False = it is taken up again, None = neither.

    Raises:
        UsageError: there is nothing of that name, nothing is said, or something is too long.
    """
    said, words = _text(text), _tags(tags)
    if not said and not words and dropped is None:
        raise UsageError("the note is empty", "Add a text, --tag WORD, --drop or --no-drop.")
    found = find_on_board(about, project)
    author = author_name(project)
    record = NoteRecord(author, found.name, said, words, dropped, _now())
    file = record_path(project, new_record_name(author, _NOTE))
    write_record(file, record)
    return file, record


def find_on_board(text: str, project: Project) -> StoredRecord[Record]:
    """Return the card, run, series or submission that a person names.

    It is the name of one's own run, or a record as in `choose_record`; a card may also be named by
    its whole title. Of a run and its submission, which have one name, the run is meant.

    Raises:
        UsageError: there is none, with the nearest name; or several fit; or its file is broken.
    """
    wanted = own_record(text, project) or text
    every = [each for each in read_records(project).records if each.record.kind != "note"]
    first = [each for each in every if not isinstance(each.record, SubmissionRecord)]
    found = choose_record(wanted, project, first)
    return found or find_record(wanted, project, every, "card or run", "trash board list")


def _planned_before(title: str, recipe: str | None, project: Project) -> Iterator[str]:
    """Yield a sentence for each card that has the same title or recipe."""
    for each in read_records(project).of(CardRecord):
        card = each.record
        if recipe is not None and card.recipe == recipe:
            yield f"runs of {recipe} counted so far for {each.name} of {card.author}: {card.title}"
        elif card.title.casefold() == title.casefold():
            yield f"{card.author} has a card of that title: {each.name}"


def _recipe(text: str | None, project: Project) -> tuple[str | None, tuple[str, ...]]:
    """Return how a card names its recipe, and a doubt if there is no such recipe yet."""
    if text is None:
        return None, ()
    if not text.strip() or "\0" in text:
        raise UsageError(f"--recipe {text!r} names no recipe")
    try:
        return portable_path(find_recipe(Path(text), project), project.root), ()
    except UnknownRecipe as error:
        near = f" {error.hint}" if error.hint.startswith("Did you mean") else ""
        name = printable(text).removesuffix(SUFFIX)
        return name, (f"there is no recipe {name} yet: its first run will be linked.{near}",)


def _text(text: str) -> str:
    text = printable(text).strip()
    if len(text) > LONGEST_TEXT:
        raise UsageError(
            f"a text has at most {LONGEST_TEXT} letters, this one has {len(text)}",
            "Commit longer ones as a file, and name it in the note.",
        )
    return text


def _tags(tags: Sequence[str]) -> tuple[str, ...]:
    found = dict.fromkeys(map(tag_of, tags))
    if "" in found:
        raise UsageError("a tag is empty", "As in: --tag loss")
    for tag in found:
        if len(tag) > LONGEST_TAG:
            raise UsageError(f"a tag has at most {LONGEST_TAG} letters, not {len(tag)}: {tag}")
    if len(found) > MOST_TAGS:
        raise UsageError(f"at most {MOST_TAGS} tags at once, not {len(found)}")
    return tuple(found)


def tag_of(text: str) -> str:
    """Return a tag as records hold it: in small letters, without `#`, its words joined by `-`."""
    return "-".join(printable(text).casefold().replace("#", " ").split())


def _now() -> str:
    # Two notes of one second have an order, too.
    return datetime.now(UTC).isoformat(timespec="milliseconds")
