"""What the library's functions take first, with the built-in components alone."""

from __future__ import annotations

import os
from pathlib import Path

from toolkit.data.sources import AnnotationFile
from toolkit.data.split import Split
from toolkit.plugin.discovery import builtin_registry
from toolkit.progress import Progress, SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data
from toolkit.submission.spec import truth_split
from toolkit.workspace import Workspace

_NOWHERE = Project(Path(os.devnull))
_QUIET = SilentProgress()


def workspace_in(project: Project = _NOWHERE, progress: Progress = _QUIET) -> Workspace:
    """Return a workspace; without a project nothing is remembered."""
    return Workspace(project, builtin_registry(), progress)


def open_truth(path: Path, data: Data | None = None, progress: Progress = _QUIET) -> Split:
    """Open a COCO file of the submitted images with the classes and rules of `data`."""
    truth = AnnotationFile("truth", path, path.parent)
    return truth_split(workspace_in(progress=progress), truth, data or Data())
