"""`trash board list`: the cards of the wall as a table."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import PurePosixPath
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.list_output import ListFile, ListFormat, ListJson, ListTable, list_output
from toolkit.project import find_project

Shown = Literal["planned", "running", "done", "failed", "interrupted", "dropped"]
Sort = Literal["date", "validation", "test", "public", "private", "member", "status"]
_SCORES = ("validation", "test", "public", "private")


def list_(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD]...", help="Only cards on which each of these stands."),
    ] = None,
    status: Annotated[Shown | None, typer.Option("--status", help="Only cards so far.")] = None,
    member: Annotated[
        str | None,
        typer.Option("--member", metavar="NAME", help="Only what this person planned or ran."),
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", metavar="WORD", help="Only cards with this tag.")
    ] = None,
    sort: Annotated[
        Sort, typer.Option("--sort", help="Order of the rows, the best or newest last.")
    ] = "date",
    format_: ListFormat = None,
    output: ListFile = None,
    json_: ListJson = False,
) -> None:
    """List the cards of the wall: ideas, and runs, series and submissions that belong to none.

    An idea stands for all runs of its recipe since it was planned, and has the scores of the best.
    running?: it began days ago, and nothing has been heard since.
    """
    from toolkit.plugin.metric import DEFAULT_METRIC
    from toolkit.report.board import read_board
    from toolkit.report.wall import WallCard
    from toolkit.report.wall_listing import chosen_cards, sorted_cards

    out = list_output(format_, output, json_)
    project = find_project()
    board = read_board(project)
    for message in board.broken:
        console.warn(message)
    found = board.wall
    if found:
        chosen = chosen_cards(found, status=status, member=member, tag=tag, words=words or ())
        found = tuple(sorted_cards(chosen, sort))
    names = [each.name for each in fields(WallCard)]
    if out.write_records(names, [asdict(card) for card in found]):
        return
    if not found:
        told = "no such card" if board.wall else f"nothing is recorded in {project.records}"
        console.note(f"{told}; plan one: trash board plan IDEA")
    scores = [name for name in _SCORES if any(getattr(card, name) is not None for card in found)]
    several = ["metric"] if {card.metric for card in found} - {None, DEFAULT_METRIC} else []
    columns = ("card", "status", "by", "title", "recipe", *several, *scores)
    lines = [
        (
            PurePosixPath(card.record).name,
            card.status,
            ", ".join(card.members) or None,
            card.title,
            card.recipe,
            *(card.metric for _ in several),
            *(getattr(card, name) for name in scores),
            ", ".join(card.tags) or None,
            len(card.notes) or None,
            card.date[:10],
        )
        for card in found
    ]
    out.print_tables(ListTable((*columns, "tags", "notes", "date"), lines, (*scores, "notes")))
