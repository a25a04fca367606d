"""Photos with masks as files in a folder of somebody's data."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from toolkit.data.image_bytes import read_header
from toolkit.data.image_groups import image_groups
from toolkit.data.images import read_bytes
from toolkit.data.mask_guess import guess_masks
from toolkit.data.mask_layout import MaskLayout, mask_layout
from toolkit.data.mask_lists import MaskLists, mask_lists
from toolkit.data.photo_folder import photos_below
from toolkit.data.photo_names import PhotoFolder
from toolkit.data.survey import Survey, find_sample, relative_path
from toolkit.data.unread_masks import (
    refuse_class_folders,
    refuse_jpeg_masks,
    refuse_listed_jpeg_masks,
    refuse_object_masks,
)
from toolkit.plugin.component import ComponentSpec

_LOOKED_AT = 50
"""Photos whose size is looked at."""


def mask_survey(folder: Path) -> Survey | None:
    """Look for photos and masks that are called alike, below a folder.

    Returns:
        None where no photo has a mask.

    Raises:
        UsageError: masks cannot be read, are no classes, or lie in a way that is not read.
    """
    groups = image_groups(folder)
    lists = mask_lists(folder, groups)
    if lists is not None:
        return _of_lists(folder, lists)
    refuse_class_folders(folder, groups)
    layout = mask_layout(folder, groups)
    if layout is None:
        return None
    guess = guess_masks(folder, layout.groups)
    parameters = {"masks": layout.masks, **guess.parameters}
    if layout.photos:
        parameters = {"photos": layout.photos, **parameters}
    if layout.photo_ending:
        parameters["photo_ending"] = layout.photo_ending
    sample = find_sample(folder)
    splits = layout.splits
    notes = [f"{layout.pairs} photos have masks: {layout.masks}", *guess.notes]
    return Survey(
        root=folder,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        truth=splits.get("test") if layout.has_truth else None,
        sample=None if sample.path is None else relative_path(sample.path, folder),
        columns=sample.columns,
        sample_ids=sample.ids,
        test_names=_photos_of(folder, layout),
        classes=guess.classes,
        image_size=median_size(folder, layout.groups[0].spread(_LOOKED_AT)),
        map_size=sample.map_size,
        format=ComponentSpec(name="masks", **parameters),
        background=guess.background,
        photos=tuple(layout.photo_groups[0].spread(_LOOKED_AT)),
        notes=tuple(notes),
    )


def refuse_unread_masks(folder: Path) -> None:
    """Say what masks are that nothing reads, if they are known.

    Raises:
        UsageError: they are JPEG, or one file per object or class.
    """
    groups = image_groups(folder)
    refuse_jpeg_masks(folder, groups)
    refuse_object_masks(folder, groups)


def _of_lists(folder: Path, lists: MaskLists) -> Survey:
    refuse_listed_jpeg_masks(folder, lists.splits["train"], lists.masks)
    guess = guess_masks(folder, lists.groups)
    parameters: dict[str, Any] = dict(guess.parameters)
    if lists.columns is not None and lists.columns != ("image", "mask"):
        parameters = {
            "image_column": lists.columns[0],
            "mask_column": lists.columns[1],
            **parameters,
        }
    sample = find_sample(folder)
    test = lists.splits.get("test")
    names = ", ".join(lists.splits.values())
    return Survey(
        root=folder,
        train=lists.splits["train"],
        val=lists.splits.get("val"),
        test=test,
        truth=test,
        sample=None if sample.path is None else relative_path(sample.path, folder),
        columns=sample.columns,
        sample_ids=sample.ids,
        test_names=(),
        classes=guess.classes,
        image_size=median_size(folder, lists.photos),
        map_size=sample.map_size,
        format=ComponentSpec(name="masks", **parameters),
        background=guess.background,
        notes=(f"photos and their masks are listed in {names}", *guess.notes),
        photos=lists.photos[:_LOOKED_AT],
    )


def median_size(folder: Path, names: Sequence[str]) -> tuple[int, int]:
    """Return the median (height, width) of some images, pixels, turned as their EXIF data say.

    Raises:
        UsageError: one cannot be read.
    """
    headers = [read_header(read_bytes(folder / name), folder / name) for name in names]
    sizes = [header.size(oriented=True) for header in headers]
    return int(median(height for _, height in sizes)), int(median(width for width, _ in sizes))


def _photos_of(folder: Path, layout: MaskLayout) -> tuple[str, ...]:
    """Return the test photos, as the reader of the recipe calls them."""
    test = layout.splits.get("test")
    if test is None:
        return ()
    if (folder / test).is_dir():
        return tuple(os.path.normpath(f"{test}/{name}") for name in photos_below(folder / test))
    known = PhotoFolder(folder / layout.photos)
    lines = (folder / test).read_text(encoding="utf-8-sig").split("\n")
    found = [known.find(line) for line in lines if line.strip()]
    return tuple(os.path.normpath(f"{layout.photos or '.'}/{name}") for name in found if name)
