"""`trash ensemble`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.ensemble import average, search

app = typer.Typer(help="Choose, fit and average members on held-out images.", no_args_is_help=True)
app.command("search")(search.search)
app.command("average")(average.average)
