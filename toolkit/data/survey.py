"""What a folder of somebody's data holds, as a recipe's `[data]` names it."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path
from typing import Any

from toolkit.plugin.component import ComponentSpec
from toolkit.recipe.schema import Data

_LABELS_SHOWN = 4


@dataclass(frozen=True)
class Survey:
    """The files of a contest, as a recipe's `[data]` names them.

    Attributes:
        root: folder that everything is relative to.
        train: file or folder with annotations.
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
        format: reader of the annotations; None = COCO JSON.
        background: name of label 0; None = the default.
        notes: what was guessed, for people.
        photos: some training photos, relative to the root.
        values: `channels`, `bit_depth` and `value_range` of the photos, where they are not RGB of 8
            bits.
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
    format: ComponentSpec | None = None
    background: str | None = None
    notes: tuple[str, ...] = ()
    photos: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def data(self) -> Data:
        """The recipe's `[data]`, but for the folds."""
        said: dict[str, Any] = {
            "root": str(self.root),
            "train": self.train,
            "val": self.val,
            "test": self.test,
            "truth": self.truth,
            "sample_submission": self.sample,
            "classes": self.classes,
            "background": self.background,
            "format": self.format,
            **self.values,
        }
        return Data(**{key: value for key, value in said.items() if value is not None})


@dataclass(frozen=True)
class SampleSubmission:
    """A sample submission.

    Attributes:
        path: the file; None = there is none.
        columns: its header.
        ids: its first column.
        map_size: (height, width) of the maps in its rows; None where it does not say.
    """

    path: Path | None = None
    columns: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    map_size: tuple[int, int] | None = None


def find_sample(folder: Path) -> SampleSubmission:
    """Return the sample submission in a folder, or in a folder of it."""
    found = [
        file
        for pattern in ("*.csv", "*/*.csv")
        for file in sorted(folder.glob(pattern))
        if "sample" in file.stem.casefold()
    ]
    return _read_sample(found[0]) if found else SampleSubmission()


def _read_sample(path: Path) -> SampleSubmission:
    """Return its header, its first column, and the size of the square map in its first row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header, first = tuple(next(rows, ())), next(rows, [])
            ids = tuple(row[0] for row in (first, *rows) if row)
    except (OSError, UnicodeDecodeError, csv.Error):
        return SampleSubmission(path)  # the check of the recipe says what is wrong with it
    labels = first[-1].split() if first else []
    side = isqrt(len(labels))
    is_square = len(labels) > _LABELS_SHOWN and side * side == len(labels)
    return SampleSubmission(path, header, ids, (side, side) if is_square else None)


def relative_path(file: Path, root: Path) -> str:
    """Return where a file is from a root, with `/`."""
    return Path(os.path.relpath(file, root)).as_posix()
