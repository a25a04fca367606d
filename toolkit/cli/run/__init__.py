"""`trash run`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.run import diff, show
from toolkit.cli.run import list as list_

app = typer.Typer(help="Runs of the whole team: list, show, compare two.", no_args_is_help=True)
app.command("list")(list_.list_)
app.command("show")(show.show)
app.command("diff")(diff.diff)
