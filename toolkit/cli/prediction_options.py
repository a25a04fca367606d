"""Options of the commands that predict: `predict`, `submit`, `evaluate` and `ensemble`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA_HELP = "Folder of the data on this machine, used instead of data.root."
PredictionRecipe = Annotated[
    Path | None,
    typer.Option(
        "--recipe",
        help="Take data, combination and format from this recipe, not from the checkpoint's own.",
    ),
]
DataRoot = Annotated[Path | None, typer.Option("--data", metavar="DIR", help=DATA_HELP)]
Views = Annotated[
    str | None,
    typer.Option(
        "--views",
        help='Test-time views: "none", "hflip*rot90" (4), "d4" (8), "hflip*scale0.75+scale1.25"; '
        '"geometric:…" merges logits, "tile:…" cuts large images.',
    ),
]
Combine = Annotated[
    str | None,
    typer.Option(
        "--combine",
        metavar="NAME[:KEY=VALUE,…]",
        help="Ensembler: mean, geometric, vote, …; or a file of trash ensemble search.",
    ),
]
Weights = Annotated[
    str | None, typer.Option("--weights", help="Weight of each checkpoint: 0.4,0.6")
]
Post = Annotated[
    list[str] | None,
    typer.Option(
        "--post",
        metavar="NAME[:KEY=VALUE,…]",
        help="Postprocessor instead of the recipe's; none leaves them out. May be repeated.",
    ),
]
MemberPost = Annotated[
    list[str] | None,
    typer.Option(
        "--member-post",
        metavar="NAME[:KEY=VALUE,…]",
        help="Postprocessor of each member, before they are combined. May be repeated.",
    ),
]
Store = Annotated[
    str | None,
    typer.Option("--store", help="Number type of the stored probabilities: u8, u16, f16 or f32."),
]
Device = Annotated[
    str | None, typer.Option("--device", help="Where to predict: auto, cpu, cuda or mps.")
]
