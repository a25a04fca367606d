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
        help="Recipe: folder of the data on this machine, used instead of data.root. JSON file: "
        "folder of its images, used instead of the folder that the file is in.",
    ),
]
