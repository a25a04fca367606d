"""The truth to score against: annotations, those of a recipe, or another submission file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from toolkit.data.resize import Sampling
from toolkit.data.sources import AnnotationFile
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.plugin.kinds import Nearest
from toolkit.project import Project
from toolkit.recipe.data_folder import data_file
from toolkit.recipe.find import SUFFIX, find_recipe
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Data, Recipe
from toolkit.submission.score import true_labels

_ANNOTATIONS = ".json"
_LIST = ".txt"


def truth_file(
    path: Path,
    project: Project,
    data_root: Path | None = None,
    own: tuple[Data, Path] | None = None,
) -> AnnotationFile | None:
    """Return the annotations that a path means: a COCO JSON, or the `data.truth` of a recipe.

    A folder, or a list in a text file, is read as those that the predictions' recipe names are.

    Args:
        path: as a person names it.
        project: recipes are looked for there.
        data_root: folder of the photos, and of the files that a recipe names, on this machine;
            default: that of the recipe, or the one that the JSON is in.
        own: how the predictions' recipe reads its data, and their folder.

    Returns:
        None for a file of another kind, such as a submission.

    Raises:
        UsageError: no such file, a recipe without `data.truth`, or a folder that nothing reads.
    """
    if path.suffix == _ANNOTATIONS:
        return AnnotationFile("truth", path, data_root or path.parent)
    recipe = truth_recipe(path, project)
    if recipe is None and (path.is_dir() or path.suffix == _LIST):
        if own is None or own[0].format is None:
            raise UsageError(
                f"{path}: nothing says how its masks are to be read",
                "Name a recipe whose data.format reads them: --recipe RECIPE.",
            )
        data, root = own
        return AnnotationFile("truth", path, data_root or root, data)
    if recipe is None:
        return None
    data = recipe.data
    if data.truth is None:
        raise UsageError(
            f"{path}: data.truth is unset: the recipe does not name the truth of the test images",
            "Name a COCO JSON with their annotations.",
        )
    root = data_root or project.path(data.root)
    return AnnotationFile("truth", data_file(root, data.truth), root, data)


def truth_recipe(path: Path, project: Project) -> Recipe | None:
    """Return the recipe that a path means; None for annotations and files of another kind.

    Raises:
        UsageError: no such file, or a recipe that is wrong.
    """
    if path.suffix == _ANNOTATIONS or (path.is_file() and path.suffix != SUFFIX):
        return None
    try:
        file = find_recipe(path, project)
    except UsageError as error:
        if path.is_dir():
            return None
        raise UsageError(
            f"{path} is neither an annotation file nor a submission file nor a recipe", error.hint
        ) from None
    return load_recipe(file, project=project).recipe


@dataclass
class TruthLabels:
    """Annotations read as if they were a submission file.

    Attributes:
        split: the annotated images.
        size: (height, width) of the maps, pixels: that of a file that they are compared with.
        nearest: which pixel nearest neighbour took there.
    """

    split: Split
    size: tuple[int, int]
    nearest: Nearest = "corner"
    suffix: str = field(default=_ANNOTATIONS, init=False)

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield (file name, uint8 labels of `size`) of every image; `path` is that of the split."""
        sampling = Sampling(self.size, self.nearest)
        for record in self.split.images:
            yield record.file_name, true_labels(record, self.split, sampling)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        """Refuse: annotations are only read."""
        raise UsageError(f"{self.split.file} is an annotation file, not a submission file")
