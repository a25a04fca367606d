"""The pages that an execution has written: `report`, a room above this one, makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.data.contest import Contest
from toolkit.data.split import Split
from toolkit.errors import TrashError, in_words
from toolkit.experiment.run_folder import RunFolder
from toolkit.plugin.tracker import WorstImage
from toolkit.progress import Progress
from toolkit.pseudo.label_set import LabelSet
from toolkit.recipe.problems import shown_path
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class PageWriters:
    """Who writes the pages.

    Attributes:
        label_set: writes the page to review a pseudo-label set: its images, where it goes, and who
            is told how far it is.
        run: writes the report of a run that has ended, `RunFolder.report`.
        worst_images: makes the pictures that trackers get of a run that has ended.
    """

    label_set: Callable[[LabelSet, Split, Path, Progress], None]
    run: Callable[[Workspace, RunFolder, Contest], None]
    worst_images: Callable[[Workspace, RunFolder, Contest], Sequence[WorstImage]]


def write_report(
    pages: PageWriters, workspace: Workspace, run: RunFolder, contest: Contest
) -> None:
    """Write the report of a run; what goes wrong is told and ends nothing: the run is done."""
    try:
        pages.run(workspace, run, contest)
    except Exception as error:  # a plugin's metric may fail in any way
        why = error.message if isinstance(error, TrashError) else in_words(error)
        workspace.progress.say(
            f"warning: {shown_path(run.report)} was not written: {why}\n"
            f"Write it again: trash report {run.name}"
        )
