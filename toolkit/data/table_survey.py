"""Kaggle's tables of run lengths in a folder of somebody's data."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.data.mask_survey import median_size
from toolkit.data.photo_folder import PHOTO_ENDINGS, photos_below
from toolkit.data.photo_names import PhotoFolder
from toolkit.data.split_words import TEST, TRUTH, VAL, says, split_of
from toolkit.data.survey import Survey, find_sample, relative_path
from toolkit.files import walk_folder
from toolkit.plugin.component import ComponentSpec

_RUNS = re.compile(r"\d+ \d+( \d+ \d+)*")
_LABELLED = re.compile(r"(?P<image>.+)_(?P<label>[^_]+)")
_CLASS = re.compile(r"class|label|categor")
_EMPTY = "-1"
"""What some tables have in place of no runs."""
_TRIED = 50
"""Rows of a table, and photos, that are looked at."""
_MOST_CLASSES = 254


@dataclass(frozen=True)
class _Table:
    """A table of run lengths, and how its rows are read.

    Attributes:
        path: the file.
        columns: that are read.
        cells: what stands in them.
        photos: folder of its photos, relative to the folder that was looked at.
        names: some of its photos, relative to that.
        labels: the classes as its rows call them; empty = there is one.
        others: columns that are not read.
        has_empty: whether `_EMPTY` stands in place of no runs.
    """

    path: Path
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    photos: str
    names: tuple[str, ...]
    labels: tuple[str, ...]
    others: tuple[str, ...] = ()
    has_empty: bool = False


def table_survey(folder: Path) -> Survey | None:
    """Look for CSV files with run lengths, and their photos, below a folder.

    Returns:
        None where there is none.
    """
    files = [file for pattern in ("*.csv", "*/*.csv") for file in sorted(folder.glob(pattern))]
    files = [file for file in files if "sample" not in file.stem.casefold()]
    places = _photo_folders(folder)
    tables = [table for file in files if (table := _look_at(file, folder, places)) is not None]
    if not tables:
        return None
    others = (*VAL, *TEST, *TRUTH)
    train = min(tables, key=lambda each: (says(each.path.stem, others), -len(each.names)))
    rest = [table for table in tables if table != train and table.cells == train.cells]
    val = next((table for table in rest if says(table.path.stem, VAL)), None)
    used = {train.photos, *([val.photos] if val else [])}
    test = [place for place in places if place not in used]
    test = [place for place in test if split_of(place) == "test"] or test
    sample = find_sample(folder)
    is_numbered = all(label.isdecimal() for label in train.labels)
    names = tuple(f"class {label}" for label in train.labels) if is_numbered else train.labels
    cells = train.cells
    if not is_numbered:
        cells = tuple(cell.replace("{label}", "{class}") for cell in cells)
    parameters: dict[str, Any] = {
        "columns": list(train.columns),
        "cells": list(cells),
        "photos": train.photos,
    }
    if train.has_empty:
        parameters["empty"] = _EMPTY
    notes = [
        f"{train.path.name}: run lengths of photos in {train.photos}",
        'pixels are numbered down the columns, from 1, as Kaggle does; else set order = "row-major"'
        " or first_pixel = 0",
        "what a table calls its classes: " + (", ".join(train.labels) or "nothing, there is one"),
    ]
    if train.others:
        notes.append(f"columns of {train.path.name} that are not read: {', '.join(train.others)}")
    return Survey(
        root=folder,
        train=relative_path(train.path, folder),
        val=None if val is None else relative_path(val.path, folder),
        test=test[0] if len(test) == 1 else None,
        truth=None,
        sample=None if sample.path is None else relative_path(sample.path, folder),
        columns=sample.columns,
        sample_ids=sample.ids,
        test_names=_below(folder, test[0]) if len(test) == 1 else (),
        classes=names or ("foreground",),
        image_size=median_size(folder, train.names),
        map_size=sample.map_size,
        format=ComponentSpec(name="rle_csv", **parameters),
        notes=tuple(notes),
        photos=train.names,
    )


def _photo_folders(folder: Path) -> list[str]:
    """Return the folders with photos, relative; "." for the folder itself."""
    found = []
    for place, names in walk_folder(folder):
        if any(name.lower().endswith(PHOTO_ENDINGS) for name in names):
            found.append(place.relative_to(folder).as_posix())
    return found


def _below(folder: Path, place: str) -> tuple[str, ...]:
    return tuple(os.path.normpath(f"{place}/{name}") for name in photos_below(folder / place))


def _look_at(file: Path, folder: Path, places: Sequence[str]) -> _Table | None:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error):
        return None
    found = _table_of(file, rows, folder, places)
    if found is None:
        return None
    runs = [row[found.columns[-1]] or "" for row in rows]
    return replace(
        found,
        others=tuple(each for each in rows[0] if each and each not in found.columns),
        has_empty=any(cell.strip() == _EMPTY for cell in runs),
    )


def _table_of(
    file: Path, rows: Sequence[Mapping[str, str]], folder: Path, places: Sequence[str]
) -> _Table | None:
    header = [column for column in (rows[0] if rows else {}) if column]
    runs = [column for column in header if _are_runs([row[column] or "" for row in rows])]
    if len(runs) != 1:
        return None
    for column in header:
        if column == runs[0]:
            continue
        ids = [row[column] or "" for row in rows]
        for place in places:
            known = PhotoFolder(folder / place)
            plain = _named(known, ids)
            cut = [match["image"] if (match := _LABELLED.fullmatch(each)) else "" for each in ids]
            names = plain or _named(known, cut)
            if not names:
                continue
            names = tuple(os.path.normpath(f"{place}/{name}") for name in names)
            photos = "" if place == "." else place
            if not plain:
                labels = _classes([each.rpartition("_")[2] for each in ids])
                joined = "{image}_{label}", "{pixels}"
                return _Table(file, (column, runs[0]), joined, photos, names, labels)
            third = _class_column([each for each in header if each not in (column, runs[0])], rows)
            if third is not None:
                columns = column, third, runs[0]
                labels = _classes([row[third] or "" for row in rows])
                apart = "{image}", "{label}", "{pixels}"
                return _Table(file, columns, apart, photos, names, labels)
            return _Table(file, (column, runs[0]), ("{image}", "{pixels}"), photos, names, ())
    return None


def _class_column(header: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str | None:
    """Return the column with the class of every row: one that is called so, else the only one."""
    fit = [each for each in header if _classes([row[each] or "" for row in rows])]
    called = [each for each in fit if _CLASS.search(each.casefold())]
    return called[0] if called else fit[0] if len(header) == 1 and fit else None


def _are_runs(cells: Sequence[str]) -> bool:
    """Whether a column has run lengths, or nothing."""
    written = [cell.strip() for cell in cells if cell.strip() not in ("", _EMPTY, "nan")]
    return bool(written) and all(_RUNS.fullmatch(cell) for cell in written[:_TRIED])


def _named(known: PhotoFolder, ids: Sequence[str]) -> tuple[str, ...]:
    """Return the photos that the first ids name; none where one names no photo."""
    tried = list(dict.fromkeys(ids))[:_TRIED]
    names = [known.find_here(each) if each else None for each in tried]
    return tuple(name for name in names if name) if all(names) else ()


def _classes(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of a column, numbers by size; none where it holds something else."""
    found = set(texts)
    if not found or len(found) > min(_MOST_CLASSES, len(texts)) or "" in found:
        return ()
    if all(each.isdecimal() for each in found):
        # Labels are counted from 1, also those that no row has.
        return tuple(map(str, range(1, max(map(int, found)) + 1)))
    return tuple(sorted(found))
