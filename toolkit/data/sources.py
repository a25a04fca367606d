"""The annotation files that a command line names, directly or by a recipe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolkit.data.near_files import not_found
from toolkit.errors import UsageError
from toolkit.files import is_file
from toolkit.project import Project
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Data, Recipe
from toolkit.wording import some_of

_RECIPE_SUFFIX = ".toml"
_JSON_SUFFIX = ".json"


@dataclass(frozen=True)
class AnnotationFile:
    """An annotation file and what is needed to check it.

    Attributes:
        role: "train", "val", "test", "truth" or "unlabelled"; a file named by itself is a "train".
        file: COCO JSON, or the file or folder that the recipe names.
        root: folder that `file_name` is relative to.
        data: how a recipe reads it; of a file named by itself, the defaults.
    """

    role: str
    file: Path
    root: Path
    data: Data = field(default_factory=Data)

    @property
    def is_labelled(self) -> bool:
        """Whether anything looks at the annotations."""
        return self.role not in ("test", "unlabelled")


def find_sources(
    paths: Sequence[Path], project: Project, root: Path | None
) -> list[list[AnnotationFile]]:
    """Return the annotation files behind each path; those of a recipe are one contest.

    Args:
        paths: recipes (`.toml`) or COCO JSON files.
        project: for recipes.
        root: folder of the data; None = the recipe's, of a JSON the folder it is in.

    Raises:
        UsageError: a recipe cannot be loaded, a JSON is not there, or a folder is named.
    """
    return [
        _of_recipe(load_recipe(path, project=project).recipe, project, root)
        if _is_recipe(path)
        else [_of_json(path, root)]
        for path in paths
    ]


def _is_recipe(path: Path) -> bool:
    """Tell a recipe, or the name of one, from an annotation file."""
    return path.suffix == _RECIPE_SUFFIX or (path.suffix != _JSON_SUFFIX and not path.exists())


def _of_recipe(recipe: Recipe, project: Project, root: Path | None) -> list[AnnotationFile]:
    data = recipe.data
    root = root or project.path(data.root)
    given = {
        "train": data.train,
        "val": None if data.folds else data.val,
        "test": data.test,
        "truth": data.truth,
        "unlabelled": recipe.pseudo.images if recipe.pseudo else None,
    }
    return [
        AnnotationFile(role, data_file(root, name), root, data)
        for role, name in given.items()
        if name
    ]


def _of_json(path: Path, root: Path | None) -> AnnotationFile:
    if os.path.isdir(path):  # a name too long for a file is no folder
        inside = sorted(found.name for found in path.glob(f"*{_JSON_SUFFIX}"))
        raise UsageError(
            f"{path} is a folder, not an annotation file",
            f"It holds {some_of(inside)}." if inside else "Name a COCO JSON or a recipe.",
        )
    if not is_file(path):
        raise not_found(path)
    return AnnotationFile("train", path, root or path.parent)
