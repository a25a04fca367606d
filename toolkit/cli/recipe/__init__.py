"""`trash recipe`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.recipe import check, compare, diff, new, run, schema, show
from toolkit.cli.recipe import list as list_

app = typer.Typer(
    help="Experiments as TOML files: run, compare, check, diff, show, list.", no_args_is_help=True
)
app.command("run")(run.run)
app.command("compare")(compare.compare)
app.command("check")(check.check)
app.command("diff")(diff.diff)
app.command("show")(show.show)
app.command("list")(list_.list_)
app.command("new")(new.new)
app.command("schema")(schema.schema)
