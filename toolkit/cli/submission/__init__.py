"""`trash submission`: one file per command."""

from __future__ import annotations

import typer

from toolkit.cli.submission import check, diff, merge, record, score, show
from toolkit.cli.submission import list as list_

app = typer.Typer(
    help="Leaderboard files: check, score, compare, merge, show, list, record scores.",
    no_args_is_help=True,
)
app.command("check")(check.check)
app.command("score")(score.score)
app.command("diff")(diff.diff)
app.command("show")(show.show)
app.command("merge")(merge.merge)
app.command("record")(record.record)
app.command("list")(list_.list_)
