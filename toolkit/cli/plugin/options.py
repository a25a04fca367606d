"""Options that the commands of `trash plugin` share."""

from __future__ import annotations

from typing import Annotated

import typer

Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only this kind.")]
Name = Annotated[
    str, typer.Argument(help="Name of a component (or source:component), or of a plugin.")
]
