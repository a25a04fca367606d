"""What the commands of `trash board` share."""

from __future__ import annotations

from typing import Annotated

import typer

Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="WORD", help="A word that it is found by; may be repeated."),
]
