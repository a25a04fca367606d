"""Folders of photos, and photos by their names without an ending."""

from __future__ import annotations

import os
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import walk_folder
from toolkit.plugin.reader import AnnotationSet, ImageRecord
from toolkit.wording import some_of

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".npy")
"""How files of photos end, in any case; files of other kinds in a folder are passed over."""


def photos_below(folder: Path) -> list[str]:
    """Return the photos of a folder and of the folders in it, relative to it, sorted by name.

    Files and folders whose names begin with a dot are passed over.

    Raises:
        UsageError: there is none; says what is there.
    """
    found: list[str] = []
    others: list[str] = []
    for place, names in walk_folder(folder):
        for name in names:
            is_photo = name.lower().endswith(PHOTO_ENDINGS)
            (found if is_photo else others).append((place / name).relative_to(folder).as_posix())
    if not found:
        raise UsageError(
            f"{folder} holds no photos",
            f"It holds {some_of(sorted(others))}." if others else "It is empty.",
        )
    return sorted(found)


def read_photo_folder(folder: Path, root: Path) -> AnnotationSet:
    """Return the photos of a folder, without labels; numbered from 1 in the order of their names.

    Raises:
        UsageError: there is none.
    """
    above = Path(os.path.relpath(folder, root)).as_posix()
    names = [os.path.normpath(f"{above}/{name}") for name in photos_below(folder)]
    images = tuple(ImageRecord(number, name) for number, name in enumerate(names, start=1))
    return AnnotationSet(folder, images, ())
