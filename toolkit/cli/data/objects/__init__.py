"""`trash data objects`: one file per command."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from toolkit.cli.data.objects import cut, show

_DEFAULT = "cut"


class _CutByDefault(TyperGroup):
    """Takes a recipe in place of a command for one to be cut."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = [argument for argument in args if not argument.startswith("-")]
        if words and words[0] not in self.commands:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_CutByDefault,
    help="Objects of rare classes to paste: cut, show. `trash data objects RECIPE` cuts.",
    no_args_is_help=True,
)
app.command(_DEFAULT)(cut.cut)
app.command("show")(show.show)
