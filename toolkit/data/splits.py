"""k folds of equal class content, and the file that a team commits so that all use the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from toolkit.data.coco import CocoFile
from toolkit.data.listing import some_of
from toolkit.errors import UsageError
from toolkit.files import read_json, write_json_atomic

SCHEMA = "trash-folds"
VERSION = 1


@dataclass(frozen=True)
class Folds:
    """Positions of the images of each fold, in file order."""

    rows: tuple[tuple[int, ...], ...]


class _FoldFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    schema_name: str
    version: int
    source: str
    source_digest: str
    seed: int
    folds: list[list[str]]


def stratify(presence: NDArray[np.bool_], n_folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold of every image so that each class is spread evenly over the folds.

    Iterative stratification: Sechidis, Tsoumakas and Vlahavas, "On the Stratification of
    Multi-label Data", ECML PKDD 2011, algorithm 1. The class with the fewest images left goes
    first, each of its images to the fold that lacks it most; ties go to the fold that lacks images
    most, then to chance. Images without any class fill the folds up at the end.

    Args:
        presence: bool (n_images, n_classes), which image shows which class.
        n_folds: number of folds, 2 or more.
        seed: of the ties.

    Returns:
        int64 (n_images,), values 0 … n_folds - 1.
    """
    rng = np.random.default_rng(seed)
    n_images, n_classes = presence.shape
    fold_of = np.full(n_images, -1, dtype=np.int64)
    lacking = np.repeat(presence.sum(axis=0)[None, :] / n_folds, n_folds, axis=0)
    room = np.full(n_folds, n_images / n_folds)
    order = rng.permutation(n_images)

    def put(image: int, wish: NDArray[np.float64]) -> None:
        candidates = np.flatnonzero(wish == wish.max())
        candidates = candidates[room[candidates] == room[candidates].max()]
        fold = rng.choice(candidates)
        fold_of[image] = fold
        lacking[fold] -= presence[image]
        room[fold] -= 1

    while True:
        left = presence[fold_of < 0].sum(axis=0)
        if n_classes == 0 or not left.any():
            break
        rarest = int(np.argmin(np.where(left > 0, left, n_images + 1)))
        for image in order:
            if fold_of[image] < 0 and presence[image, rarest]:
                put(image, lacking[:, rarest])
    for image in order:
        if fold_of[image] < 0:
            put(image, room)
    return fold_of


def class_presence(coco: CocoFile) -> NDArray[np.bool_]:
    """Return which image has an annotation of which category: bool (images, categories)."""
    column = {category.category_id: index for index, category in enumerate(coco.categories)}
    presence = np.zeros((len(coco.images), len(coco.categories)), dtype=bool)
    for row, record in enumerate(coco.images):
        for annotation in record.annotations:
            if annotation.category_id in column:
                presence[row, column[annotation.category_id]] = True
    return presence


def make_folds(coco: CocoFile, n_folds: int, seed: int) -> Folds:
    """Divide the images of a file into folds of equal class content.

    Raises:
        UsageError: fewer than two folds, or fewer images than folds.
    """
    if not 2 <= n_folds <= len(coco.images):
        raise UsageError(f"cannot divide {len(coco.images)} images of {coco.path} into {n_folds}")
    fold_of = stratify(class_presence(coco), n_folds, seed)
    return Folds(tuple(tuple(np.flatnonzero(fold_of == fold).tolist()) for fold in range(n_folds)))


def write_folds(path: Path, folds: Folds, coco: CocoFile, seed: int) -> None:
    """Write the split file: it lists file names, so that it can be read and compared."""
    content = _FoldFile(
        schema_name=SCHEMA,
        version=VERSION,
        source=coco.path.name,
        source_digest=coco.digest,
        seed=seed,
        folds=[[coco.images[row].file_name for row in rows] for rows in folds.rows],
    )
    write_json_atomic(path, content.model_dump())


def read_folds(path: Path, source: Path, file_names: Sequence[str]) -> Folds:
    """Read a split file and find its images in the annotation file that it divides.

    The images must be the same; annotations may have changed since.

    Raises:
        UsageError: the file is no split file, or its images are not those of `source`.
    """
    value = read_json(path, "split file")
    try:
        content = _FoldFile.model_validate(value)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise UsageError(
            f"{path}: not a split file: {where}: {error.errors()[0]['msg']}",
            "Write one with `trash data split`.",
        ) from None
    if (content.schema_name, content.version) != (SCHEMA, VERSION):
        raise UsageError(
            f"{path}: split file of schema {content.schema_name} version {content.version}; "
            f"this program reads {SCHEMA} {VERSION}"
        )
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
