"""k folds of equal class content, and the split file through which a team shares them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter

from toolkit.data.content_digests import content_digests
from toolkit.errors import UsageError
from toolkit.file_schema import FileLayout
from toolkit.files import read_json, write_json_atomic
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import Progress
from toolkit.seeds import Stream, generator
from toolkit.wording import counted, some_of

SCHEMA = "trash-folds"
VERSION = 1


@dataclass(frozen=True)
class Folds:
    """Positions of the images of each fold, in file order."""

    rows: tuple[tuple[int, ...], ...]


class _FoldFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    source: str
    source_digest: str
    seed: int
    folds: list[list[str]]


_LAYOUT = FileLayout(
    "split file",
    TypeAdapter(_FoldFile),
    VERSION,
    SCHEMA,
    schema_key="schema_name",
    origin="Write one with `trash data split`.",
    repair="Write one with `trash data split`.",
)


def stratify(
    presence: NDArray[np.bool_ | np.int64],
    n_folds: int,
    seed: int,
    sizes: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return the fold of every image so that each class is spread evenly over the folds.

    Iterative stratification: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of
    Multi-label Data", ECML PKDD 2011, algorithm 1. The class with the fewest images left goes
    first, each of its images to the fold that lacks it most; ties go to the fold that lacks images
    most, then to chance. Images without any class fill the folds up at the end.

    Args:
        presence: bool (n_images, n_classes), which image shows which class; or of groups of images
            that stay together the number of images that show it.
        n_folds: number of folds, 2 or more.
        seed: of the ties.
        sizes: number of images of each group (n_groups,); default: 1 each.

    Returns:
        int64 (n_images,), values 0 … n_folds - 1.
    """
    rng = generator(Stream.SPLIT, seed)
    n_images, n_classes = presence.shape
    sizes = np.ones(n_images, np.int64) if sizes is None else sizes
    fold_of = np.full(n_images, -1, dtype=np.int64)
    lacking = np.repeat(presence.sum(axis=0)[None, :] / n_folds, n_folds, axis=0)
    room = np.full(n_folds, sizes.sum() / n_folds)
    order = rng.permutation(n_images)

    def put(image: int, wish: NDArray[np.float64]) -> None:
        candidates = np.flatnonzero(wish == wish.max())
        candidates = candidates[room[candidates] == room[candidates].max()]
        fold = rng.choice(candidates)
        fold_of[image] = fold
        lacking[fold] -= presence[image]
        room[fold] -= sizes[image]

    while True:
        left = presence[fold_of < 0].sum(axis=0)
        if n_classes == 0 or not left.any():
            break
        rarest = int(np.argmin(np.where(left > 0, left, sizes.sum() + 1)))
        for image in order:
            if fold_of[image] < 0 and presence[image, rarest]:
                put(image, lacking[:, rarest])
    for image in order:
        if fold_of[image] < 0:
            put(image, room)
    return fold_of


def class_presence(coco: AnnotationSet) -> NDArray[np.bool_]:
    """Return which image has an annotation of which category: bool (images, categories)."""
    column = {category.category_id: index for index, category in enumerate(coco.categories)}
    presence = np.zeros((len(coco.images), len(coco.categories)), dtype=bool)
    for row, record in enumerate(coco.images):
        for category_id in record.categories:
            if category_id in column:
                presence[row, column[category_id]] = True
    return presence


def photo_contents(
    coco: AnnotationSet, root: Path, cache: Path, progress: Progress
) -> tuple[str | None, ...]:
    """Return the digest of the content of every image of a file; None where the photo is not there.

    Args:
        coco: the file.
        root: folder that the images' names are relative to.
        cache: folder of caches.
        progress: shows a bar when much is to be read.

    Raises:
        UsageError: a photo cannot be read.
    """
    names = [record.file_name for record in coco.images]
    there = [name for name in names if (root / name).is_file()]
    found = dict(zip(there, content_digests(root, there, cache, progress), strict=True))
    return tuple(found.get(name) for name in names)


def make_folds(
    coco: AnnotationSet, n_folds: int, seed: int, contents: Sequence[str | None] | None = None
) -> Folds:
    """Divide the images of a file into folds of equal class content; equal photos share a fold.

    Args:
        coco: the file.
        n_folds: number of folds.
        seed: of the ties.
        contents: digest of the content of each photo, see `photo_contents`; default: all differ.

    Raises:
        UsageError: fewer than two folds, or fewer different images than folds.
    """
    rows = range(len(coco.images))
    contents = [None] * len(rows) if contents is None else contents
    first_of: dict[str | int, int] = {}
    group_of = np.array(
        [
            first_of.setdefault(row if content is None else content, len(first_of))
            for row, content in zip(rows, contents, strict=True)
        ],
        dtype=np.int64,
    )
    n_groups = len(first_of)
    if not 2 <= n_folds <= n_groups:
        different = "" if n_groups == len(rows) else f" ({n_groups} different ones)"
        raise UsageError(
            f"cannot divide {counted(len(rows), 'image', 'images')}{different} of {coco.path} into "
            f"{counted(n_folds, 'fold', 'folds')}"
        )
    presence = class_presence(coco)
    counts = np.zeros((n_groups, presence.shape[1]), dtype=np.int64)
    np.add.at(counts, group_of, presence)
    sizes = np.bincount(group_of, minlength=n_groups)
    fold_of = stratify(counts, n_folds, seed, sizes)[group_of]
    return Folds(tuple(tuple(np.flatnonzero(fold_of == fold).tolist()) for fold in range(n_folds)))


def write_folds(
    path: Path, folds: Folds, coco: AnnotationSet, seed: int, *, overwrite: bool = False
) -> bool:
    """Write the split file: it lists file names, so that it can be read and compared.

    Args:
        path: the file.
        folds: from `make_folds`.
        coco: the file that they divide.
        seed: what they were made with.
        overwrite: replace a file of other content.

    Returns:
        Whether it was written: False when it is there already, with the same content.

    Raises:
        UsageError: there is a file of other content.
    """
    folds_of_source = _FoldFile(
        source=coco.path.name,
        source_digest=coco.digest,
        seed=seed,
        folds=[[coco.images[row].file_name for row in rows] for rows in folds.rows],
    )
    content = {**_LAYOUT.header, **folds_of_source.model_dump()}
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "Name the split file: recipes/splits/NAME.json")
    if path.exists():
        if _is_same(path, content):
            return False
        if not overwrite:
            raise UsageError(
                f"{path} is there already, with other content",
                "Runs that were validated by its folds would not fit the new ones. Choose another "
                f"name, or replace it: trash data split SOURCE -o {path} --force",
            )
    write_json_atomic(path, content)
    return True


def _is_same(path: Path, content: dict[str, Any]) -> bool:
    try:
        return bool(read_json(path, _LAYOUT.what) == content)
    except UsageError:
        return False


def read_folds(path: Path, source: Path, file_names: Sequence[str]) -> Folds:
    """Read a split file and find its images in the annotation file that it divides.

    The images must be the same; annotations may have changed since.

    Raises:
        UsageError: the file is no split file, or its images are not those of `source`.
    """
    if not path.exists():
        raise UsageError(
            f"split file not found: {path}",
            "data.folds.file is relative to the project's folder, not to the recipe. Make one: "
            "trash data split RECIPE -o recipes/splits/NAME.json",
        )
    content = _LAYOUT.read(path)
    listed = [name for names in content.folds for name in names]
    offenders = [
        ("in two folds", [name for name, count in Counter(listed).items() if count > 1]),
        (f"in no fold but in {source.name}", sorted(set(file_names) - set(listed))),
        (f"in a fold but not in {source.name}", sorted(set(listed) - set(file_names))),
    ]
    lines = [f"{what}: {some_of(names)}" for what, names in offenders if names]
    if lines:
        raise UsageError(
            f"{path}: made for {content.source}, does not divide the images of {source}",
            "\n".join([*lines, "Make a new one with `trash data split`."]),
        )
    row_of = {name: row for row, name in enumerate(file_names)}
    return Folds(tuple(tuple(sorted(row_of[name] for name in names)) for names in content.folds))


def choose_fold(folds: Folds, index: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rows that train and the rows that validate when fold `index` is held out.

    Raises:
        UsageError: there is no such fold, or nothing is left to train or validate on.
    """
    if not 0 <= index < len(folds.rows):
        raise UsageError(
            f"data.folds.index = {index}: the split file has folds 0 to {len(folds.rows) - 1}"
        )
    training = sorted(row for fold, rows in enumerate(folds.rows) if fold != index for row in rows)
    for what, rows in (("train on", training), ("validate on", folds.rows[index])):
        if not rows:
            raise UsageError(f"data.folds.index = {index} leaves no image to {what}")
    return tuple(training), folds.rows[index]
