"""`trash data`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.data import check, demo, objects, split

app = typer.Typer(help="Images and annotations: demo, check, split, objects.", no_args_is_help=True)
app.add_typer(objects.app, name="objects")
app.command("demo")(demo.demo)
app.command("check")(check.check)
app.command("split")(split.split)
