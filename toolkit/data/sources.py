"""The annotation files that a command line names: recipes stand for all of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.data.listing import some_of
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Data

_RECIPE_SUFFIX = ".toml"
_JSON_SUFFIX = ".json"


@dataclass(frozen=True)
class Source:
    """An annotation file and what is needed to check it.

    Attributes:
        role: "train", "val", "test" or "truth"; a file named by itself is a "train".
        file: COCO JSON.
        root: folder that `file_name` is relative to.
        background: name of label 0.
    """

    role: str
    file: Path
    root: Path
    background: str


def find_sources(paths: Sequence[Path], project: Project, root: Path | None) -> list[list[Source]]:
    """Return the annotation files behind each path; those of a recipe are one contest.

    Args:
        paths: recipes (`.toml`) or COCO JSON files.
        project: for recipes.
        root: folder of the images of a JSON; None = the folder it is in.

    Raises:
        UsageError: a recipe cannot be loaded, or a folder is named.
    """
    return [
        _of_recipe(load_recipe(path, project=project).recipe.data, project)
        if _is_recipe(path)
        else [_of_json(path, root)]
        for path in paths
    ]


def _is_recipe(path: Path) -> bool:
    """Tell a recipe, or the name of one, from an annotation file."""
    return path.suffix == _RECIPE_SUFFIX or (path.suffix != _JSON_SUFFIX and not path.exists())


def _of_recipe(data: Data, project: Project) -> list[Source]:
    root = project.path(data.root)
    given = {
        "train": data.train,
        "val": None if data.folds else data.val,
        "test": data.test,
        "truth": data.truth,
    }
    return [
        Source(role, root / name, root, data.background) for role, name in given.items() if name
    ]


def _of_json(path: Path, root: Path | None) -> Source:
    if path.is_dir():
        inside = sorted(found.name for found in path.glob(f"*{_JSON_SUFFIX}"))
        raise UsageError(
            f"{path} is a folder, not an annotation file",
            f"It holds {some_of(inside)}." if inside else "Name a COCO JSON or a recipe.",
        )
    return Source("train", path, root or path.parent, Data().background)
