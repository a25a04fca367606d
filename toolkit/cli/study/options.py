"""Options that the commands of `trash study` and `trash recipe compare` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="Study: a file, or its name below recipes/.")
]
Seeds = Annotated[
    str | None,
    typer.Option("--seeds", metavar="N,N,…", help="Run with these seeds, not those of the study."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="VARIANT",
        help="Compare this variant with the first one. May be repeated.",
    ),
]
ByMetric = Annotated[
    str | None, typer.Option(help="Compare by this metric; default: that of the first recipe.")
]
PerClass = Annotated[bool, typer.Option("--per-class", help="Show the IoU of every class as well.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The page; default: reports/study-NAME.html."),
]
