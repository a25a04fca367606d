"""Survey of a user's data folder: which file is which split, where the images are."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from statistics import median

from toolkit.data.coco import read_coco
from toolkit.data.labels import make_label_map
from toolkit.errors import UsageError
from toolkit.files import read_json
from toolkit.plugin.reader import AnnotationSet
from toolkit.wording import some_of

_TRUTH = ("truth", "gt", "solution")
_TEST = ("test", "unlabel", "infer")
_VAL = ("val", "dev", "eval")
_WHOLE = ("all", "full", "total")
_SPLITS = ("train", *_VAL, *_TEST, *_TRUTH)
_PART = re.compile("[a-z]+")
_LABELS_SHOWN = 4


@dataclass(frozen=True)
class Survey:
    """The files of a contest, as a recipe's `[data]` names them.

    Attributes:
        root: folder that everything is relative to.
        train: COCO JSON with annotations.
        val: another one, or None: there is none, so that folds of `train` must do.
        test: images to submit, or None.
        truth: their annotations, or None.
        sample: sample submission, or None.
        columns: header of the sample; empty without one.
        classes: names in label order from 1, background apart.
        image_size: median (height, width) of the training images, pixels.
        sample_ids: first column of the sample's rows.
        test_names: `file_name` of the test images.
        map_size: (height, width) of the maps in the sample's rows, or None where it does not say.
        broken: what is wrong with each JSON file that may be a COCO file but was passed over.
    """

    root: Path
    train: str
    val: str | None
    test: str | None
    truth: str | None
    sample: str | None
    columns: tuple[str, ...]
    sample_ids: tuple[str, ...]
    test_names: tuple[str, ...]
    classes: tuple[str, ...]
    image_size: tuple[int, int]
    map_size: tuple[int, int] | None
    broken: tuple[str, ...] = ()


def survey(folder: Path) -> Survey:
    """Look at a folder of data: COCO files below it, at most two folders deep, and their images.

    Their names (train, val, test, truth) and whether they have annotations tell them apart.

    Raises:
        UsageError: no COCO file with annotations, or its images are not there; says what was found.
            A file that is called as a split is damaged; says where.
    """
    files, broken = _coco_files(folder)
    labelled = {file: coco for file, coco in files.items() if _n_annotations(coco)}
    if not labelled:
        if broken:
            raise broken[0]
        found = (
            f"; it holds {some_of([_relative(file, folder) for file in files])}" if files else ""
        )
        raise UsageError(
            f"{folder} holds no COCO file with annotations{found}",
            "If labels are masks as image files, or run lengths, write data.format into a recipe "
            "of your own; docs/data.md has examples.",
        )
    train = _pick(labelled, ("train",), _WHOLE) or _largest(labelled)
    others = {file: coco for file, coco in files.items() if file != train}
    val = _pick({f: c for f, c in others.items() if f in labelled}, _VAL, _TRUTH)
    truth = _pick({f: c for f, c in others.items() if f in labelled}, _TRUTH, ())
    test = _pick({f: c for f, c in others.items() if f not in (val, truth)}, _TEST, _TRUTH)
    if test is not None and truth is not None and not _same_images(files[test], files[truth]):
        truth = None
    used = [file for file in (train, val, test) if file is not None]
    root = _root(folder, {file: files[file] for file in used})
    sample = _sample(folder)
    columns, ids, map_size = _read_sample(sample) if sample else ((), (), None)
    images = files[train].images
    return Survey(
        root=root,
        train=_relative(train, root),
        val=None if val is None else _relative(val, root),
        test=None if test is None else _relative(test, root),
        truth=None if truth is None else _relative(truth, root),
        sample=None if sample is None else _relative(sample, root),
        columns=columns,
        sample_ids=ids,
        test_names=() if test is None else tuple(each.file_name for each in files[test].images),
        classes=make_label_map(files[train].categories, None, "").class_names[1:],
        image_size=(
            int(median(record.height for record in images)),
            int(median(record.width for record in images)),
        ),
        map_size=map_size,
        broken=tuple(error.message for error in broken),
    )


def _coco_files(folder: Path) -> tuple[dict[Path, AnnotationSet], list[UsageError]]:
    """Return the annotation files, and what is wrong with those that cannot be used.

    JSON of another kind is passed over.

    Raises:
        UsageError: one that is called as a split cannot be used: without it, another would silently
            take its place.
    """
    found, broken = {}, []
    for pattern in ("*.json", "*/*.json", "*/*/*.json"):
        for file in sorted(folder.glob(pattern)):
            try:
                coco = read_coco(file, labelled=False)
            except UsageError as error:
                if _is_meant_as_coco(file):
                    if _says(file, _SPLITS):
                        raise
                    broken.append(error)
                continue
            if coco.images:
                found[file] = coco
    return found, broken


def _is_meant_as_coco(file: Path) -> bool:
    """Whether a file that is no right COCO file may be a damaged one."""
    try:
        content = read_json(file, "annotation file")
    except UsageError:
        return True  # nobody can tell
    return isinstance(content, dict) and "images" in content


def _n_annotations(coco: AnnotationSet) -> int:
    return sum(len(record.annotations) for record in coco.images)


def _pick(
    files: dict[Path, AnnotationSet], words: Sequence[str], not_: Sequence[str]
) -> Path | None:
    """Return the file with the shortest name that has one of the words and none of `not_`."""
    named = [file for file in files if _says(file, words) and not _says(file, not_)]
    return min(named, key=lambda file: (len(file.stem), file), default=None)


def _says(file: Path, words: Sequence[str]) -> bool:
    """Whether a part of a name begins so: train2017 is train, small is not all."""
    return any(part.startswith(tuple(words)) for part in _PART.findall(file.stem.casefold()))


def _largest(files: dict[Path, AnnotationSet]) -> Path:
    return max(files, key=lambda file: len(files[file].images))


def _same_images(first: AnnotationSet, second: AnnotationSet) -> bool:
    names = [{record.file_name for record in coco.images} for coco in (first, second)]
    return names[0] == names[1]


def _root(folder: Path, files: dict[Path, AnnotationSet]) -> Path:
    """Return the folder that the images of all files are relative to."""
    inside = sorted(each for each in folder.iterdir() if each.is_dir())
    candidates = dict.fromkeys([folder, *(file.parent for file in files), *inside])
    holds = {
        file: [each for each in candidates if (each / coco.images[0].file_name).is_file()]
        for file, coco in files.items()
    }
    for each in candidates:
        if all(each in found for found in holds.values()):
            return each
    lost = next((file for file, found in holds.items() if not found), None)
    if lost is not None:
        raise UsageError(
            f"the images of {lost} are not below {folder}: there is no "
            f"{files[lost].images[0].file_name}",
            "file_name in the JSON is relative to one folder: name that one with --data.",
        )
    places = ", ".join(f"{file.name}: {found[0]}" for file, found in holds.items())
    raise UsageError(
        f"the images of the files are relative to different folders ({places})",
        "Put the folder into each file_name of the JSON files, so that one data.root serves all.",
    )


def _sample(folder: Path) -> Path | None:
    found = [
        file
        for pattern in ("*.csv", "*/*.csv")
        for file in sorted(folder.glob(pattern))
        if "sample" in file.stem.casefold()
    ]
    return found[0] if found else None


def _read_sample(
    path: Path,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, int] | None]:
    """Return its header, its first column, and the size of the square map in its first row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header, first = tuple(next(rows, ())), next(rows, [])
            ids = tuple(row[0] for row in (first, *rows) if row)
    except (OSError, UnicodeDecodeError, csv.Error):
        return (), (), None  # the check of the recipe says what is wrong with it
    labels = first[-1].split() if first else []
    side = isqrt(len(labels))
    is_square = len(labels) > _LABELS_SHOWN and side * side == len(labels)
    return header, ids, (side, side) if is_square else None


def _relative(file: Path, root: Path) -> str:
    return Path(os.path.relpath(file, root)).as_posix()
