"""`trash board`: all that the team has planned, run and submitted on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import Json
from toolkit.errors import UsageError
from toolkit.project import find_project


def write(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default: reports/board.html."),
    ] = None,
    json_: Json = False,
) -> None:
    """Write the team's board and print the ranking, where no other command is named."""
    command = context.invoked_subcommand
    if command is not None:
        if output is not None or json_:
            raise UsageError(
                f"options of {command} stand behind its name",
                f"As in: {context.command_path} {command} --help",
            )
        return
    from toolkit.recipe.problems import shown_path
    from toolkit.report.board import read_board
    from toolkit.report.board_page import write_board
    from toolkit.report.page import page_path

    project = find_project()
    page = page_path(output, project, "board.html")
    found = read_board(project)
    write_board(found, project, page)
    if json_:
        console.print_json({"page": page, **found.as_json()})
        return
    for message in found.broken:
        console.warn(message)
    console.print_table(
        ("rank", "member", f"best {found.ranked_by}", "entries", "runs", "last"),
        [
            (each.rank, each.member, each.best, each.entries, each.runs, each.last[:10])
            for each in found.places
        ],
        numeric=("rank", f"best {found.ranked_by}", "entries", "runs"),
    )
    console.print_result("")
    for line in found.facts():
        console.print_result(line)
    console.print_result(shown_path(page))
