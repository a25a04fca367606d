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

from toolkit.data.fold_balance import even_out
from toolkit.data.groups import GroupRule, Groups, describe_units, united
from toolkit.errors import UsageError
from toolkit.file_schema import FileLayout
from toolkit.files import read_json, write_json_atomic
from toolkit.plugin.reader import AnnotationSet
from toolkit.seeds import Stream, generator
from toolkit.wording import counted, some_of

SCHEMA = "trash-folds"
VERSION = 2
_WITHOUT_GROUPS = 1
"""Version of files without groups: older readers know it."""


@dataclass(frozen=True)
class Folds:
    """Positions of the images of each fold, in file order."""

    rows: tuple[tuple[int, ...], ...]


class _FoldGroups(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    rule: str
    images: dict[str, list[str]]


class _FoldFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    source: str
    source_digest: str
    seed: int
    folds: list[list[str]]
    groups: _FoldGroups | None = None


_LAYOUT = FileLayout(
    "split file",
    TypeAdapter(_FoldFile),
    VERSION,
    SCHEMA,
    older=(_WITHOUT_GROUPS,),
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


def make_folds(
    coco: AnnotationSet,
    n_folds: int,
    seed: int,
    contents: Sequence[str | None] | None = None,
    groups: Groups | None = None,
) -> Folds:
    """Divide the images of a file into folds of equal class content; equal photos share a fold.

    Groups are first divided by `stratify`, as images are, and then evened out by `even_out`.

    Args:
        coco: the file.
        n_folds: number of folds.
        seed: of the ties.
        contents: digest of the content of each photo, None = not there; default: all differ.
        groups: of images that share a fold; default: none. Groups with equal photos do, too.

    Raises:
        UsageError: fewer than two folds, or fewer different images or groups than folds.
    """
    n_images = len(coco.images)
    contents = [None] * n_images if contents is None else contents
    unit_of = united(n_images, [contents] if groups is None else [groups.names, contents])
    n_units = int(unit_of.max(initial=-1)) + 1
    if not 2 <= n_folds <= n_units:
        raise _too_few(coco, n_folds, unit_of, groups)
    presence = class_presence(coco)
    counts = np.zeros((n_units, presence.shape[1]), dtype=np.int64)
    np.add.at(counts, unit_of, presence)
    sizes = np.bincount(unit_of, minlength=n_units)
    fold_of_unit = stratify(counts, n_folds, seed, sizes)
    if groups is not None:
        fold_of_unit = even_out(fold_of_unit, np.column_stack([sizes, counts]), n_folds)
    fold_of = fold_of_unit[unit_of]
    return Folds(tuple(tuple(np.flatnonzero(fold_of == fold).tolist()) for fold in range(n_folds)))


def _too_few(
    coco: AnnotationSet, n_folds: int, unit_of: NDArray[np.int64], groups: Groups | None
) -> UsageError:
    n_units = len(set(unit_of.tolist()))
    what, hint = counted(len(unit_of), "image", "images"), ""
    if groups is not None:
        what += f" in {counted(n_units, 'group', 'groups')} ({groups.rule})"
        hint = f"A group is in one fold. They are {some_of(describe_units(unit_of, groups))}."
    elif n_units < len(unit_of):
        what += f" ({n_units} different ones)"
    return UsageError(
        f"cannot divide {what} of {coco.path} into {counted(n_folds, 'fold', 'folds')}", hint
    )


def write_folds(
    path: Path,
    folds: Folds,
    coco: AnnotationSet,
    seed: int,
    groups: Groups | None = None,
    *,
    overwrite: bool = False,
) -> bool:
    """Write the split file: it lists file names, so that it can be read and compared.

    Args:
        path: the file.
        folds: from `make_folds`.
        coco: the file that they divide.
        seed: what they were made with.
        groups: what they were made with; the file says the rule and the images of each.
        overwrite: replace a file of other content.

    Returns:
        Whether it was written: False when it is there already, with the same content.

    Raises:
        UsageError: there is a file of other content, or one that is no split file.
    """
    folds_of_source = _FoldFile(
        source=coco.path.name,
        source_digest=coco.digest,
        seed=seed,
        folds=[[coco.images[row].file_name for row in rows] for rows in folds.rows],
        groups=None if groups is None else _as_written(groups, coco),
    )
    content = {**_LAYOUT.header, **folds_of_source.model_dump(exclude_none=True)}
    if groups is None:
        content["version"] = _WITHOUT_GROUPS
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "Name the split file: recipes/splits/NAME.json")
    if path.exists():
        before = _content(path)
        if before == content:
            return False
        if before.get("schema_name") != SCHEMA:
            raise UsageError(
                f"{path} is no split file: it is not replaced",
                "Choose another name: recipes/splits/NAME.json",
            )
        if not overwrite:
            raise UsageError(
                f"{path} is there already, with other content",
                "Runs that were validated by its folds would not fit the new ones. Choose another "
                f"name, or replace it: trash data split SOURCE -o {path} --force",
            )
    write_json_atomic(path, content)
    return True


def _as_written(groups: Groups, coco: AnnotationSet) -> _FoldGroups:
    images: dict[str, list[str]] = {}
    for record, name in zip(coco.images, groups.names, strict=True):
        images.setdefault(name, []).append(record.file_name)
    return _FoldGroups(rule=str(groups.rule), images=images)


def _content(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path, _LAYOUT.what)
    except UsageError:
        return {}
    return found if isinstance(found, dict) else {}


def read_folds(path: Path, source: Path, file_names: Sequence[str]) -> Folds:
    """Read a split file and find its images in the annotation file that it divides.

    The images must be the same; annotations may have changed since. Groups are as the file lists
    them: nothing is asked of the rule that made them but to be one.

    Raises:
        UsageError: the file is no split file, its images are not those of `source`, or a group that
            it lists is not in one fold.
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
    if content.groups is not None:
        _require_whole_groups(path, content.folds, content.groups)
    row_of = {name: row for row, name in enumerate(file_names)}
    return Folds(tuple(tuple(sorted(row_of[name] for name in names)) for names in content.folds))


def _require_whole_groups(path: Path, folds: list[list[str]], groups: _FoldGroups) -> None:
    try:
        GroupRule.parse(groups.rule)
    except UsageError as error:
        raise UsageError(f"{path}: {error.message}", error.hint) from None
    fold_of = {name: fold for fold, names in enumerate(folds) for name in names}
    grouped = Counter(name for names in groups.images.values() for name in names)
    offenders = [
        ("in two groups", [name for name, count in grouped.items() if count > 1]),
        ("in no group", sorted(set(fold_of) - set(grouped))),
        ("in a group but in no fold", sorted(set(grouped) - set(fold_of))),
        (
            "groups in several folds",
            [
                group
                for group, names in groups.images.items()
                if len({fold_of[name] for name in names if name in fold_of}) > 1
            ],
        ),
    ]
    lines = [f"{what}: {some_of(names)}" for what, names in offenders if names]
    if lines:
        raise UsageError(
            f"{path}: its folds do not keep the groups of {groups.rule} together",
            "\n".join([*lines, "Make a new one with `trash data split`."]),
        )


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
