"""Lists of photos with their masks in a folder of somebody's data."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from toolkit.data.image_groups import ImageGroup
from toolkit.data.photo_names import PhotoFolder
from toolkit.data.split_words import split_of
from toolkit.files import walk_folder

_LISTS = (".txt", ".lst", ".csv")
_LINES = 20
"""Of a list, that are tried."""
_LARGEST = 1 << 26
_SAYS_MASK = re.compile(r"mask|label|annot|gt|seg|target")
_SEPARATORS = ("\t", ",", " ")


@dataclass(frozen=True)
class MaskLists:
    """Lists with a photo and its mask on each line.

    Attributes:
        splits: "train", "val" or "test" -> the list, relative to the folder that was looked at.
        columns: (photos, masks) of CSV files; None = text files.
        photos: some of the photos for training, relative to that folder.
        masks: their masks, relative to that folder.
        groups: the groups that the masks are in.
    """

    splits: dict[str, str]
    columns: tuple[str, str] | None
    photos: tuple[str, ...]
    masks: tuple[str, ...]
    groups: tuple[ImageGroup, ...]


@dataclass(frozen=True)
class _List:
    path: Path
    columns: tuple[str, str] | None
    pairs: tuple[tuple[str, str], ...]


def mask_lists(folder: Path, groups: Sequence[ImageGroup]) -> MaskLists | None:
    """Return the lists below a folder; None where none is for training.

    Args:
        folder: what was looked at.
        groups: from `image_groups`.
    """
    known = PhotoFolder(folder)
    files = [
        place / name
        for place, names in walk_folder(folder)
        for name in names
        if name.lower().endswith(_LISTS) and "sample" not in name.casefold()
    ]
    found = [each for file in files if (each := _read(file, known, groups)) is not None]
    of_split: dict[str, _List] = {}
    for each in sorted(found, key=lambda each: len(each.path.as_posix())):
        of_split.setdefault(split_of(each.path.stem) or "train", each)
    if "train" not in of_split:
        return None
    train = of_split["train"]
    of_split = {split: each for split, each in of_split.items() if each.columns == train.columns}
    places = {os.path.dirname(mask) or "." for _, mask in train.pairs}
    return MaskLists(
        splits={
            split: each.path.relative_to(folder).as_posix() for split, each in of_split.items()
        },
        columns=train.columns,
        photos=tuple(photo for photo, _ in train.pairs),
        masks=tuple(mask for _, mask in train.pairs),
        groups=tuple(group for group in groups if group.folder in places and group.is_masks)
        or tuple(group for group in groups if group.folder in places),
    )


def _read(file: Path, known: PhotoFolder, groups: Sequence[ImageGroup]) -> _List | None:
    """Return a list if its first lines name photos and masks that are there."""
    try:
        if file.stat().st_size > _LARGEST:
            return None
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    if file.suffix.lower() == ".csv":
        return _read_table(file, text, known, groups)
    lines = [line.strip() for line in text.splitlines() if line.strip()][:_LINES]
    for separator in _SEPARATORS:
        parts = [line.split(separator) for line in lines]
        if not lines or any(len(each) != 2 for each in parts):
            continue
        pairs = _found_pairs([(known.find(photo), known.find(mask)) for photo, mask in parts])
        if pairs:
            return _List(file, None, pairs)
    return None


def _found_pairs(
    pairs: Sequence[tuple[str | None, str | None]],
) -> tuple[tuple[str, str], ...]:
    """Return those with a mask: at least half, if every photo is there; else none."""
    whole = tuple((photo, mask) for photo, mask in pairs if photo and mask)
    is_list = all(photo for photo, _ in pairs) and 2 * len(whole) >= len(pairs)
    return whole if is_list else ()


def _read_table(
    file: Path, text: str, known: PhotoFolder, groups: Sequence[ImageGroup]
) -> _List | None:
    try:
        table = csv.DictReader(StringIO(text, newline=""))
        rows = [row for row, _ in zip(table, range(_LINES), strict=False)]
    except csv.Error:
        return None
    cells = {
        column: [known.find(row[column] or "") for row in rows]
        for column in (rows[0] if rows else {})
        if column
    }
    files = {
        column: names
        for column, names in cells.items()
        if 2 * sum(name is not None for name in names) >= len(names)
    }
    masks = {group.folder for group in groups if group.is_masks}

    def is_mask(column: str) -> tuple[bool, bool]:
        inside = all((os.path.dirname(n) or ".") in masks for n in files[column] if n)
        return bool(_SAYS_MASK.search(column.casefold())), inside

    if len(files) != 2:
        return None
    photo, mask = sorted(files, key=is_mask)
    pairs = _found_pairs(list(zip(files[photo], files[mask], strict=True)))
    return _List(file, (photo, mask), pairs) if pairs else None
