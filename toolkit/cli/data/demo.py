"""`trash data demo`: a synthetic contest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder to write; made if it is missing.")],
    train: Annotated[int, typer.Option(min=1, help="Training images.")] = 320,
    val: Annotated[int, typer.Option(min=1, help="Validation images.")] = 40,
    test: Annotated[int, typer.Option(min=1, help="Test images.")] = 40,
    size: Annotated[int, typer.Option(min=32, max=2048, help="Height and width, pixels.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the whole contest.")] = 0,
) -> None:
    """Write a synthetic contest: images, COCO files and the hidden truth of the test split."""
    from toolkit.demo.write_demo import write_demo
    from toolkit.recipe.data_tables import Demo

    wanted = Demo(train=train, val=val, test=test, size=size, seed=seed)
    write_demo(folder, wanted, console.make_progress())
    console.print_result(str(folder))
