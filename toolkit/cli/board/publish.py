"""`trash board publish`: the board for a git branch or static host."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.project import find_project


def publish(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="The folder; default: reports/board."),
    ] = None,
    json_: Json = False,
) -> None:
    """Write the board as a folder for a git branch or static host: page and board.json.

    Nothing is sent anywhere: docs/team.md has the commands that put it on a branch. Whoever can
    open the address of the host can read it.
    """
    from toolkit.recipe.problems import shown_path
    from toolkit.report.board import read_board
    from toolkit.report.publish import publish_board

    project = find_project()
    board = read_board(project)
    place = publish_board(board, project, folder)
    for message in board.broken:
        console.warn(message)
    if json_:
        console.print_json(
            {"folder": place, "files": sorted(path.name for path in place.iterdir())}
        )
        return
    console.print_result(shown_path(place))
