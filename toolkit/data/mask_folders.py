"""Photos with masks as files: a folder of photos, a list file, or a CSV file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import ClassVar

from toolkit.data.csv_table import read_csv_table
from toolkit.data.mask_meanings import MaskClasses
from toolkit.data.name_pattern import filled_in, require_places
from toolkit.data.photo_folder import photos_below
from toolkit.data.photo_names import PhotoFolder
from toolkit.errors import UsageError
from toolkit.files import read_text
from toolkit.plugin.reader import AnnotationSet, ImageRecord, MaskFile, ReadRequest
from toolkit.wording import counted, some_of

_PLACES = ("stem", "folder", "path", "mask")
_LISTED = "{mask}"
_SHOWN = 3


@dataclass(frozen=True)
class ListedPhoto:
    """One line of a list: a photo, its mask where the line has one, and the place in the list."""

    photo: str
    mask: str | None
    place: str


@dataclass(frozen=True)
class MaskFolders:
    """Reads photos with masks as files.

    Attributes:
        classes: what the pixels of the masks mean.
        masks: where the mask of a photo is, relative to the root: `{stem}` stands for the photo's
            name without ending, `{folder}` for its folder below `photos`, `{path}` for both,
            `{mask}` for what the list says; None = as the list says.
        photos: folder that the names in a list and `{folder}` are relative to.
        photo_ending: end of the photos' names, before the ".", that `{stem}` leaves out.
        image_column: column of a CSV file with the photos.
        mask_column: column of a CSV file with the masks; it need not be there.

    Raises:
        UsageError: `masks` has a place that is not known.
    """

    classes: MaskClasses
    masks: str | None = None
    photos: str = ""
    photo_ending: str = ""
    image_column: str = "image"
    mask_column: str = "mask"
    reads_folders: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_places(self.masks or "", _PLACES, "masks")

    def __call__(self, request: ReadRequest) -> AnnotationSet:
        """Return the photos with their masks, numbered from 1, in the order of the list.

        Raises:
            UsageError: the list cannot be read, photos in it are missing, or nothing says where a
                mask is.
        """
        folder = request.root / self.photos
        if request.path.is_dir():
            above = os.path.relpath(request.path, folder)
            names = [normpath(f"{above}/{name}") for name in photos_below(request.path)]
            names = self._without_masks(request, names)
            entries = [ListedPhoto(name, None, "") for name in names]
        else:
            known = PhotoFolder(folder)
            entries = self._read_list(request.path, known)
            places = [entry.place for entry in entries]
            photos = [entry.photo for entry in entries]
            names = known.find_all(photos, request.path, places)
        if request.labelled:
            self._require_masks(request, names, entries)
        table, categories = self.classes.meanings(request.root)
        listed = PhotoFolder(request.root)
        images = tuple(
            ImageRecord(
                number,
                normpath(f"{self.photos}/{name}") if self.photos else name,
                mask=MaskFile(self._mask(request, name, entry, listed), table)
                if request.labelled
                else None,
            )
            for number, (name, entry) in enumerate(zip(names, entries, strict=True), start=1)
        )
        return AnnotationSet(request.path, images, categories)

    def _require_masks(
        self, request: ReadRequest, names: Sequence[str], entries: Sequence[ListedPhoto]
    ) -> None:
        """Refuse photos for which the list names no mask, where nothing else says which it is."""
        if _LISTED not in (self.masks or _LISTED):
            return
        unnamed = [
            f"{name} ({entry.place})" if entry.place else name
            for name, entry in zip(names, entries, strict=True)
            if entry.mask is None
        ]
        if unnamed:
            photos = f"{len(unnamed)} of {counted(len(names), 'photo', 'photos')}"
            raise UsageError(
                f"{request.path}: nothing says where the mask of {photos} is: "
                f"{some_of(unnamed, _SHOWN)}",
                'Say it for all photos, as in data.format.masks = "labels/{stem}.png"'
                + (", or take them out of the list." if len(unnamed) < len(names) else "."),
                parameter="masks",
            )

    def _without_masks(self, request: ReadRequest, names: list[str]) -> list[str]:
        """Leave out images that are the mask of another one, which may lie beside it."""
        if self.masks is None or _LISTED in self.masks:
            return names
        masks = {
            self._mask(request, name, ListedPhoto(name, None, ""), PhotoFolder(request.root))
            for name in names
        }
        folder = request.root / self.photos
        return [name for name in names if Path(os.path.normpath(folder / name)) not in masks]

    def _mask(
        self, request: ReadRequest, name: str, entry: ListedPhoto, listed: PhotoFolder
    ) -> Path:
        pattern = self.masks or _LISTED
        photo = PurePosixPath(name)
        stem = photo.stem.removesuffix(self.photo_ending)
        above = photo.parent.as_posix()
        values = {
            "stem": stem,
            "folder": above,
            "path": normpath(f"{above}/{stem}"),
            "mask": entry.mask or "",
        }
        if pattern == _LISTED:
            values["mask"] = listed.find(values["mask"]) or values["mask"]
        filled = filled_in(pattern, values)
        return Path(os.path.normpath(request.root / filled.replace("\\", "/").lstrip("/")))

    def _read_list(self, path: Path, photos: PhotoFolder) -> list[ListedPhoto]:
        if path.suffix.lower() == ".csv":
            return self._read_csv(path)
        text = read_text(path, "list of images")
        return [
            ListedPhoto(line, None, f"line {number}")
            if photos.find_here(line.strip()) is not None  # its name may have blanks
            else _line_entry(line, number)
            for number, line in enumerate(text.splitlines(), start=1)
            if line.strip()
        ]

    def _read_csv(self, path: Path) -> list[ListedPhoto]:
        table = read_csv_table(path)
        table.require(self.image_column, "image_column")
        return [
            ListedPhoto(
                row.texts[self.image_column],
                row.texts.get(self.mask_column) or None,
                f"line {row.line}",
            )
            for row in table.rows
        ]


def _line_entry(line: str, number: int) -> ListedPhoto:
    """Return a photo alone, or photo and mask with white space or a comma between them."""
    text, place = line.strip(), f"line {number}"
    for separator in ("\t", ",", " "):
        photo, found, mask = text.partition(separator)
        if found:
            return ListedPhoto(photo.strip(), mask.strip() or None, place)
    return ListedPhoto(text, None, place)
