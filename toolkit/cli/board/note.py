"""`trash board note`: what somebody says about a card, run, series or submission."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.board.options import Tags
from toolkit.cli.options import Json
from toolkit.project import find_project


def note(
    about: Annotated[
        str,
        typer.Argument(
            metavar="CARD|RUN",
            help="A card, run, series or submission: its name, or its record: the file, its name, "
            "or the beginning of that.",
        ),
    ],
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What there is to say.")] = "",
    tags: Tags = None,
    drop: Annotated[
        bool | None,
        typer.Option("--drop/--no-drop", help="Give it up, or take it up again."),
    ] = None,
    json_: Json = False,
) -> None:
    """Write a note on a card or run of anybody: a small file in records/, which you commit.

    It changes no file of others. A later note takes back what an earlier one says of dropping; to
    take back a text or a tag, delete the file of your note.
    """
    from toolkit.experiment.board_entries import write_note
    from toolkit.recipe.problems import shown_path
    from toolkit.records.record import as_json

    path, record = write_note(find_project(), about, text, tags or (), drop)
    if json_:
        console.print_json({"file": path, **as_json(record)})
        return
    console.note(f"about {record.about}")
    console.print_result(shown_path(path))
