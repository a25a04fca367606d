"""Layouts of masks that are recognised but not read: JPEG, and one file per object or class."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.data.image_groups import ImageGroup, is_called_masks
from toolkit.data.mask_pixels import Reading, is_jpeg, look_into
from toolkit.data.split_words import split_of
from toolkit.errors import UsageError
from toolkit.wording import counted, some_of

_SHOWN = 3
_SAMPLES = 4
_MOST_PIXELS = 10**9
_SEPARATOR = re.compile(r"[_\-. ]")
_READER = "trash plugin new NAME --kind reader"
_ONE_MASK = (
    "A photo has one mask here, with the class of every pixel: merge the files (docs/data.md has a "
    f"script), or read them by a plugin: {_READER}"
)


def refuse_class_folders(folder: Path, groups: Sequence[ImageGroup]) -> None:
    """Refuse masks of one class each in folders beside each other, such as masks/road, masks/car.

    Args:
        folder: what was looked at.
        groups: from `image_groups`.

    Raises:
        UsageError: there are such folders; names them.
    """
    photos = [group for group in groups if not group.is_masks]
    beside: dict[tuple[str, str, str], list[ImageGroup]] = {}
    for group in groups:
        above, _, name = group.folder.rpartition("/")
        is_class = not is_called_masks(name) and split_of(group.folder) is None
        shared = [
            other
            for other in photos
            if other.folder.rpartition("/")[2] != name and set(other.stems) & set(group.stems)
        ]
        if group.is_masks and is_class and shared and _is_binary(folder, group):
            beside.setdefault((above, group.ending, group.suffix), []).append(group)
    classes = max(beside.values(), key=len, default=[])
    if len(classes) < 2:
        return
    names = [group.folder for group in classes]
    total = sum(len(group.stems) for group in classes)
    raise UsageError(
        f"{folder}: {counted(total, 'binary mask', 'binary masks')} in "
        f"{len(names)} folders, which look like one folder per class: {some_of(names)}",
        _ONE_MASK,
    )


def refuse_jpeg_masks(folder: Path, groups: Sequence[ImageGroup]) -> None:
    """Refuse masks that were stored as JPEG.

    Args:
        folder: what was looked at.
        groups: from `image_groups`.

    Raises:
        UsageError: images that are called masks, and as photos are, are JPEG.
    """
    masks = [
        group
        for group in groups
        if is_called_masks(f"{group.folder}/{group.ending}")
        and is_jpeg(folder / group.path(group.stems[0]))
    ]
    photos = {
        stem
        for group in groups
        if not group.is_masks and all(group is not each for each in masks)
        for stem in group.stems
    }
    found = [group.path(stem) for group in masks for stem in group.stems if stem in photos]
    if found:
        places = some_of(sorted({os.path.dirname(name) or "." for name in found}))
        what = f"{counted(len(found), 'mask is', 'masks are')} JPEG, in {places}"
        raise _jpeg_error(f"{folder}: {what}", found)


def refuse_listed_jpeg_masks(folder: Path, source: str, masks: Sequence[str]) -> None:
    """Refuse masks of a list that were stored as JPEG.

    Args:
        folder: what was looked at.
        source: the list.
        masks: the first of them, relative to the folder.

    Raises:
        UsageError: some are JPEG.
    """
    found = [name for name in masks if is_jpeg(folder / name)]
    if found:
        of = f"{len(found)} of the first {counted(len(masks), 'mask', 'masks')}"
        raise _jpeg_error(
            f"{folder / source}: {of} {'is' if len(found) == 1 else 'are'} JPEG", found
        )


def _jpeg_error(what: str, found: Sequence[str]) -> UsageError:
    return UsageError(
        f"{what}: {some_of(found, _SHOWN)}. JPEG changes pixels beside edges, so that their values "
        "are no labels any more",
        "Ask for the masks as they were drawn, as PNG. Where JPEG is all there is, give each pixel "
        "the nearest of the values that were drawn, save that as PNG, and look at the edges; or "
        f"do so in a plugin: {_READER}",
    )


def refuse_object_masks(folder: Path, groups: Sequence[ImageGroup]) -> None:
    """Refuse masks of one object or class each: several files, or a folder of files, per photo.

    Args:
        folder: what was looked at.
        groups: from `image_groups`.

    Raises:
        UsageError: most masks are called PHOTO_something, or lie below a folder called PHOTO.
    """
    photos = {stem for group in groups if not group.is_masks for stem in group.stems}
    masks = [(group, stem) for group in groups if group.is_masks for stem in group.stems]
    by_name = [
        (group.path(stem), photo)
        for group, stem in masks
        for photo in (next(_owners(stem, photos), None),)
        if photo is not None
    ]
    by_folder = [
        (group.path(stem), photo)
        for group, stem in masks
        for photo in group.folder.split("/")
        if photo in photos
    ]
    for owned, how in ((by_name, "beginning of the name"), (by_folder, "folder")):
        of_photos = Counter(photo for _, photo in owned)
        # As many masks as photos are whole masks that are called otherwise.
        if 2 * len(owned) < len(masks) or len(owned) <= len(of_photos):
            continue
        most = max(sorted(of_photos), key=lambda photo: of_photos[photo])
        own = [path for path, photo in owned if photo == most]
        raise UsageError(
            f"{folder}: {counted(len(owned), 'mask', 'masks')} of "
            f"{counted(len(of_photos), 'photo', 'photos')}, by the {how}: they look like one file "
            f"per object or per class. Photo {most} has {some_of(own, _SHOWN)}",
            _ONE_MASK,
        )


def _owners(stem: str, photos: set[str]) -> Iterator[str]:
    """Yield the photos that a mask may be of by the beginning of its name, longest first."""
    for cut in reversed(list(_SEPARATOR.finditer(stem))):
        if stem[: cut.start()] in photos:
            yield stem[: cut.start()]


def _is_binary(folder: Path, group: ImageGroup) -> bool:
    """Whether some of the masks have at most two values, or colours."""
    reading: Reading = "colours" if group.in_colours else "values"
    try:
        seen = [
            look_into(folder / path, reading, _MOST_PIXELS).n_numbers
            for path in group.spread(_SAMPLES)
        ]
    except UsageError:  # a reader will say what is wrong with it
        return False
    return max(seen) <= 2
