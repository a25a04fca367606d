"""Options that the commands of `trash data` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Folder of the data on this machine, in place of a recipe's data.root; of a JSON: of "
        "its images, in place of the folder it is in.",
    ),
]
