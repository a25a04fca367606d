"""`trash report`: the page of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.project import find_project


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, by its name or folder.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The page; default: report.html in the run's folder."),
    ] = None,
    data: DataFolder = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Where to predict: auto, cpu, cuda or mps.")
    ] = None,
    json_: Json = False,
) -> None:
    """Write a page on a run: scores, curves, classes, confusion, calibration, images.

    It is one file that needs no network and no server. Validation images are predicted if they were
    not before.
    """
    from toolkit.experiment.find import find_checkpoint
    from toolkit.experiment.run_folder import RunFolder
    from toolkit.recipe.problems import shown_path
    from toolkit.report.run_report import write_run_report

    workspace = open_workspace(find_project())
    folder = RunFolder(find_checkpoint(run, workspace.project).path.parent)
    page = output or folder.report
    write_run_report(workspace, folder, page, data_root=data, device=device)
    if json_:
        console.print_json({"run": folder.name, "page": page})
        return
    console.print_result(shown_path(page))
