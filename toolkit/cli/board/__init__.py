"""`trash board`: the board itself, and one file per command that reads or writes it."""

from __future__ import annotations

import typer

from toolkit.cli.board import list as list_
from toolkit.cli.board import note, plan, publish, write

app = typer.Typer(
    help="Write the team's board: ranking, ideas, progress, submissions and runs, from the records "
    "of all. Members are ranked by the leaderboard's scores where they are recorded, else by those "
    "on the test or validation split.",
    invoke_without_command=True,
)
app.callback()(write.write)
app.command("list")(list_.list_)
app.command("plan")(plan.plan)
app.command("note")(note.note)
app.command("publish")(publish.publish)
