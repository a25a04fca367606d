"""Options that the commands of `trash recipe` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli.options import RECIPE_HELP
from toolkit.errors import UsageError

RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help=RECIPE_HELP)]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a value (KEY+=VALUE appends). May be repeated. data.* also "
        "changes the recipes that this one needs.",
    ),
]
Unset = Annotated[
    list[str] | None,
    typer.Option("--unset", metavar="KEY", help="Remove a value. May be repeated."),
]


def parse_seeds(text: str) -> list[int]:
    """Return the seeds of a text such as "1,2,3".

    Raises:
        UsageError: it is not written so.
    """
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise UsageError(
            f"--seeds {text}: not numbers with commas between them", "For example: --seeds 1,2,3"
        ) from None
