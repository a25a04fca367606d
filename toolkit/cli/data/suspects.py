"""`trash data suspects`: labels that networks doubt which were not trained on them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.project import find_project

_SHOWN = 20


def suspects(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…", help="Runs, checkpoints, or a series with folds (its name)."
        ),
    ],
    by: Annotated[
        Literal["objects", "cleanlab"],
        typer.Option(
            "--by",
            help="Ranking: by the probabilities of whole objects, or cleanlab's of their pixels "
            "(an extra).",
        ),
    ] = "objects",
    least: Annotated[
        float,
        typer.Option("--least", min=0, max=1, help="Doubt from which a label is a suspect."),
    ] = 0.5,
    limit: Annotated[int, typer.Option(min=0, help="Suspects to print.")] = _SHOWN,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The page; default: reports/suspects-RUN.html. The list is a CSV beside it.",
        ),
    ] = None,
    data: DataFolder = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Where to predict: auto, cpu, cuda or mps.")
    ] = None,
    json_: Json = False,
) -> None:
    """List objects whose labels look wrong, most doubtful first, as a page and a CSV file.

    Each image is judged by runs that were not trained on it: the validation images of each run. A
    row is an object of another class (label), one where nothing is (extra), or a missing one. Write
    wrong into the column verdict and name the file as data.exclude: training then ignores it.
    """
    from toolkit.recipe.problems import shown_path
    from toolkit.report.label_suspects import find_label_suspects
    from toolkit.wording import counted

    written = find_label_suspects(
        open_workspace(find_project()),
        runs,
        by=by,
        least=least,
        output=output,
        data_root=data,
        device=device,
    )
    if json_:
        console.print_json(asdict(written))
        return
    if written.n_unseen:
        what = counted(written.n_unseen, "object is", "objects are")
        console.note(f"{what} hidden or too small for the network's input, and not judged")
    if written.suspects:
        console.print_table(
            ("image", "annotation", "kind", "label", "suspected", "doubt", "pixels"),
            [
                (
                    each.image,
                    each.annotation,
                    each.kind,
                    each.label,
                    each.suspected,
                    f"{each.doubt:.2f}",
                    each.area,
                )
                for each in written.suspects[:limit]
            ],
            numeric=("annotation", "doubt", "pixels"),
        )
    n_suspects = len(written.suspects)
    console.note(
        f"{counted(n_suspects, 'suspect', 'suspects')} among "
        f"{counted(written.n_objects, 'object', 'objects')}"
    )
    for path in (written.page, written.file):
        console.print_result(shown_path(path))
