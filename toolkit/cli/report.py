"""`trash report`: the page of a run, or of several side by side."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolkit.cli import console
from toolkit.cli.options import DataFolder, Json
from toolkit.cli.session import open_workspace
from toolkit.errors import UsageError
from toolkit.project import find_project

if TYPE_CHECKING:
    from toolkit.experiment.run_folder import RunFolder
    from toolkit.workspace import Workspace

_WATCH_SECONDS = 2.0


def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN…",
            help="A run, by its name or folder; more of them are compared with the first one.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="The page; default: report.html or comparison.html in the last run's folder.",
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Write the page anew after every epoch until the run ends."),
    ] = False,
    data: DataFolder = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Where to predict: auto, cpu, cuda or mps.")
    ] = None,
    json_: Json = False,
) -> None:
    """Write a page on a run: scores, curves, classes, confusion, calibration, images.

    It is one file that needs no network and no server. Validation images are predicted if they were
    not before. Of several runs it shows scores, curves and classes side by side, and the images on
    which the first two differ most. For a checkpoint or submission file: `trash evaluate`.
    """
    from toolkit.experiment.find import find_run
    from toolkit.recipe.problems import shown_path
    from toolkit.report.comparison_report import write_comparison_report
    from toolkit.report.page import refuse_folder
    from toolkit.report.run_report import write_run_report

    workspace = open_workspace(find_project())
    folders = [find_run(each, workspace.project) for each in runs]
    if watch and len(folders) > 1:
        raise UsageError("--watch follows one run", "Name one, or leave out --watch.")
    one = len(folders) == 1
    page = output or (folders[0].report if one else folders[-1].path / "comparison.html")
    refuse_folder(page, "report.html" if one else "comparison.html")
    if one:
        if watch:
            _watch(workspace, folders[0], page, data)
        write_run_report(workspace, folders[0], page, data_root=data, device=device)
    else:
        write_comparison_report(workspace, folders, page, data_root=data, device=device)
    if json_:
        console.print_json({"runs": [each.name for each in folders], "page": page})
        return
    console.print_result(shown_path(page))


def _watch(workspace: Workspace, run: RunFolder, page: Path, data: Path | None) -> None:
    """Write the page after every epoch, as long as the run goes on."""
    from toolkit.recipe.problems import shown_path
    from toolkit.report.run_report import write_run_report

    written = 0
    while run.manifest()["status"] == "running":
        epochs = len(run.epochs())
        if epochs > written and run.best.is_file():
            # Nothing is predicted: the network must not take memory of the GPU that trains.
            write_run_report(
                workspace.silent, run, page, predicts=False, data_root=data, device="cpu"
            )
            workspace.progress.say(f"epoch {epochs}: {shown_path(page)}")
            written = epochs
        time.sleep(_WATCH_SECONDS)
