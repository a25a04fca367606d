"""`trash pseudo`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.pseudo import export, show
from toolkit.cli.pseudo import list as list_

app = typer.Typer(
    help="Pseudo-label sets: list, show, export as a submission file.", no_args_is_help=True
)
app.command("list")(list_.list_)
app.command("show")(show.show)
app.command("export")(export.export)
