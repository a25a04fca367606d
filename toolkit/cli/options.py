"""Options that commands of several groups share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RECIPE_HELP = "Recipe: a file, or its name below recipes/."
DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data on this machine, used instead of data.root, also for the recipes "
        "that this one needs.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
