"""The folder of the data on this machine: `--data` in place of a recipe's `data.root`."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.suggestions import did_you_mean


def with_data_root(set_: Sequence[str] | None, folder: Path | None, project: Project) -> list[str]:
    """Return the `--set` texts with the data's folder among them.

    Raises:
        UsageError: there is no such folder.
    """
    if folder is None:
        return list(set_ or ())
    root = data_root_text(folder, project)
    return [f"data.root={json.dumps(root, ensure_ascii=False)}", *(set_ or ())]


def data_file(root: Path, name: str) -> Path:
    """Return where a file of the data is that a recipe names.

    `..` leads to the folder that the root is written below, also where the root is a link, as
    paths in lists of masks do.
    """
    path = root / name
    return Path(os.path.normpath(path)) if os.pardir in path.parts else path


def data_root_text(folder: Path, project: Project) -> str:
    """Return a folder of the data as a recipe names it: from the project where it lies within.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        beside = [each.name for each in folder.parent.glob("*") if each.is_dir()]
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise UsageError(f"--data {folder}: {what}", did_you_mean(folder.name, beside, limit=0))
    # Not resolved: a link in the project is how a team names data that lie elsewhere.
    whole = Path.cwd() / folder
    if whole.is_relative_to(project.root):
        return whole.relative_to(project.root).as_posix()
    return whole.as_posix()
