"""`trash data import`: the `[data]` table for a folder of somebody's data."""

from __future__ import annotations

from toolkit.data.annotation_sets import read_annotations
from toolkit.data.data_survey import survey_data
from toolkit.experiment.planning.own_recipe import data_lines, tell_survey
from toolkit.workspace import Workspace


def import_data(workspace: Workspace, folder: str) -> list[str]:
    """Look at a folder, guess how its data are kept, and try the guess on the training images.

    Args:
        workspace: the project, its components, and who is told what was guessed.
        folder: of the data, as a recipe names it.

    Returns:
        The lines of the table.

    Raises:
        UsageError: nothing that is known is in the folder, what is there is damaged, or the
            training images cannot be read as guessed.
    """
    found = survey_data(workspace.project.path(folder))
    tell_survey(found, workspace.progress)
    read_annotations(workspace, found.data, found.root / found.train, found.root)
    root = folder if found.root == workspace.project.path(folder) else str(found.root)
    return ["[data]", *data_lines(found, root, None)]
