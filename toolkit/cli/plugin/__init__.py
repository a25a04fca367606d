"""`trash plugin`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.plugin import check, commands, new, show
from toolkit.cli.plugin import list as list_

app = typer.Typer(
    help="Components: models, losses, augmentations, … and your own.", no_args_is_help=True
)
app.command("list")(list_.list_)
app.command("commands")(commands.commands)
app.command("show")(show.show)
app.command("new")(new.new)
app.command("check")(check.check)
