"""The cards of the wall that somebody asks for, in an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from toolkit.errors import UsageError
from toolkit.experiment.board_entries import tag_of
from toolkit.records.author import author_slug
from toolkit.report.wall import COLUMNS, WallCard
from toolkit.suggestions import did_you_mean

WallSort = Literal["date", "validation", "test", "public", "private", "member", "status"]
Shown = Literal["planned", "running", "done", "failed", "interrupted", "dropped"]


def chosen_cards(
    cards: Sequence[WallCard],
    *,
    status: Shown | None = None,
    member: str | None = None,
    tag: str | None = None,
    words: Sequence[str] = (),
) -> list[WallCard]:
    """Return the cards for which all of this is true.

    Args:
        cards: all of them.
        status: how far they are; "running" also those of which nothing has been heard for long.
        member: a name, or that of the member's folder, who had the idea or ran it.
        tag: one of their tags.
        words: each occurs in what is written on them, in any case.

    Raises:
        UsageError: nobody is called so, or no card has that tag; the hint names the nearest.
    """
    found = list(cards)
    if member is not None:
        people = {name for card in cards for name in card.members}
        slug = author_slug(member)
        if slug not in map(author_slug, people):
            raise UsageError(f"--member {member}: nothing is by them", did_you_mean(member, people))
        found = [card for card in found if slug in map(author_slug, card.members)]
    if tag is not None:
        tags = {each for card in cards for each in card.tags}
        if tag_of(tag) not in tags:
            hint = did_you_mean(tag_of(tag), tags) or "Tag one: trash board note RUN --tag WORD"
            raise UsageError(f"--tag {tag}: no card has it", hint)
        found = [card for card in found if tag_of(tag) in card.tags]
    if status is not None:
        wanted = COLUMNS["running"] if status == "running" else (status,)
        found = [card for card in found if card.status in wanted]
    return [card for card in found if all(_holds(card, word) for word in words)]


def _holds(card: WallCard, word: str) -> bool:
    return word.casefold() in card_text(card).casefold()


def card_text(card: WallCard) -> str:
    """Return everything that is written on a card, on one line."""
    notes = (text for note in card.notes for text in (note.author, note.text))
    lists = (*card.members, *card.changes, *card.tags, *card.runs, *card.made_of)
    written = (card.record, card.title, card.status, card.recipe or "", card.text, *lists, *notes)
    return " ".join(" ".join(written).split())


def sorted_cards(cards: Sequence[WallCard], by: WallSort) -> list[WallCard]:
    """Return the cards by one of their values, the best or newest last, so that it is seen last."""
    aged = sorted(cards, key=lambda card: card.date)
    if by == "date":
        return aged
    if by == "member":
        return sorted(aged, key=lambda card: card.members)
    if by == "status":
        order = [each for column in COLUMNS.values() for each in column]
        return sorted(aged, key=lambda card: order.index(card.status))
    return sorted(aged, key=lambda card: _rank(card, by))


def _rank(card: WallCard, by: str) -> tuple[bool, float]:
    score: float | None = getattr(card, by)
    if score is None:
        return False, 0.0
    measured = by in ("validation", "test")
    return True, -score if measured and not card.larger_is_better else score
