"""`trash study`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.study import list as list_
from toolkit.cli.study import run, show

app = typer.Typer(
    help="Tables of experiments: one base recipe, variants or a search, several seeds.",
    no_args_is_help=True,
)
app.command("run")(run.run)
app.command("show")(show.show)
app.command("list")(list_.list_)
