"""`trash board plan`: an idea on the wall before it is run."""

from __future__ import annotations

from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.board.options import Tags
from toolkit.cli.options import Json
from toolkit.project import find_project


def plan(
    title: Annotated[str, typer.Argument(metavar="IDEA", help="The idea in one line.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            metavar="RECIPE",
            help="The recipe that tries it; it need not be there yet.",
        ),
    ] = None,
    text: Annotated[
        str, typer.Option("--text", help="Why, and what it is expected to change.")
    ] = "",
    tags: Tags = None,
    json_: Json = False,
) -> None:
    """Put an idea on the wall: a small file in records/, which you commit.

    The first run of its recipe, by whomever, makes it running, then done. Take it off with trash
    board note CARD "why" --drop.
    """
    from toolkit.experiment.board_entries import plan_card
    from toolkit.recipe.problems import shown_path
    from toolkit.records.record import as_json

    project = find_project()
    card = plan_card(project, title, recipe, text, tags or ())
    for doubt in card.doubts:
        console.note(doubt)
    if json_:
        console.print_json({"record": card.name, "file": card.path, **as_json(card.record)})
        return
    console.print_result(shown_path(card.path))
