"""What the commands of `trash submission` share: files, and who says how to read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from toolkit.cli.session import open_workspace
from toolkit.project import Project

if TYPE_CHECKING:
    from toolkit.submission.aligned import Readable
    from toolkit.submission.named_files import SubmissionOptions
    from toolkit.submission.spec import SpecSource

File = Annotated[Path, typer.Argument(help="The submission file.")]
SpecRecipe = Annotated[
    Path | None,
    typer.Option("--recipe", help="Recipe with the format, the images and the classes."),
]
Test = Annotated[
    Path | None, typer.Option("--test", help="COCO JSON of the images, instead of a recipe.")
]
Sample = Annotated[
    Path | None,
    typer.Option("--sample", help="With --test: sample submission with the order of the rows."),
]
Size = Annotated[
    str | None, typer.Option("--size", metavar="HxW", help="With --test: size of the maps.")
]
MapSize = Annotated[
    str | None, typer.Option("--size", metavar="HxW", help="Size of the maps in the file.")
]
OnEmpty = Annotated[
    Literal["refuse", "skip"] | None,
    typer.Option(help="Annotations that cover no pixel; default: the recipe's, else refuse."),
]
Metric = Annotated[
    str | None,
    typer.Option(help="The metric that decides, such as image_dice; default: the recipe's."),
]
PhotoFolder = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the photos on this machine.")
]
TRUTH = "COCO JSON with the annotations, a recipe with data.truth, or another submission file"


def open_files(
    paths: Sequence[Path], options: SubmissionOptions, project: Project
) -> tuple[list[Readable], SpecSource]:
    """Return how to read each of the files, and who says what the first submission holds.

    Raises:
        UsageError: a file is missing or wrong, or nobody says how it is written.
    """
    from toolkit.submission.named_files import name_files

    named = name_files(paths, options, project)
    return named.readable(open_workspace(project, named.components)), named.source
