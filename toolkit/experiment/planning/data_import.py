"""`trash data import`: the `[data]` table for a folder of somebody's data."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.data.annotation_sets import read_annotations
from toolkit.errors import UsageError
from toolkit.experiment.planning.missing_masks import missing_masks_error, survey_masks
from toolkit.experiment.planning.own_recipe import data_lines, tell_survey
from toolkit.workspace import Workspace


@dataclass(frozen=True)
class DataImport:
    """What was found in a folder of data.

    Attributes:
        lines: the `[data]` table.
        problem: why the training images cannot be read with it; None = they can.
    """

    lines: tuple[str, ...]
    problem: UsageError | None


def import_data(workspace: Workspace, folder: str) -> DataImport:
    """Look at a folder, guess how its data are kept, and try the guess on the training images.

    Args:
        workspace: the project, its components, and who is told what was guessed.
        folder: of the data, as a recipe names it.

    Raises:
        UsageError: nothing that is known is in the folder, or what is there is damaged.
    """
    found, lacking = survey_masks(workspace, workspace.project.path(folder))
    tell_survey(found, workspace.progress)
    root = folder if found.root == workspace.project.path(folder) else str(found.root)
    lines = ("[data]", *data_lines(found, root, None))
    if lacking:
        return DataImport(lines, missing_masks_error(lacking, folder))
    try:
        read_annotations(workspace, found.data, found.root / found.train, found.root)
    except UsageError as error:
        return DataImport(lines, error)
    return DataImport(lines, None)
