"""COCO files as a recipe names them: where their photos are, and what in them is ignored."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from posixpath import normpath

from toolkit.data.coco import read_coco
from toolkit.data.name_pattern import filled_in, require_places
from toolkit.data.photo_names import FOREIGN, PhotoFolder
from toolkit.errors import UsageError
from toolkit.files import digest_of, is_file
from toolkit.plugin.reader import AnnotationSet, ImageRecord, ReadRequest
from toolkit.suggestions import did_you_mean
from toolkit.wording import some_of

_PLACES = ("folder", "subset")


@dataclass(frozen=True)
class CocoReader:
    """Reads COCO JSON files, also as annotation tools export them.

    Names with backslashes, absolute ones and those that leave the folder of the photos are looked
    for in it: without their leading folders, as far as it takes.

    Attributes:
        photos: folder below the root that `file_name` is relative to; `{folder}` stands for the
            annotation file's own folder, `{subset}` for the end of its name, as in
            instances_train.json.
        ignore: names of categories whose objects count for nothing.
        ignore_crowd: whether regions of many objects count for nothing.

    Raises:
        UsageError: `photos` has a place that is not known.
    """

    photos: str = ""
    ignore: tuple[str, ...] = ()
    ignore_crowd: bool = False

    def __post_init__(self) -> None:
        require_places(self.photos, _PLACES, "photos")

    def __call__(self, request: ReadRequest) -> AnnotationSet:
        """Read the file that a recipe names.

        Raises:
            UsageError: it is a folder, or not a COCO file, see `read_coco`; a category that is to
                be ignored is not in it, or nothing but crowds is.
        """
        if request.path.is_dir():
            inside = sorted(found.name for found in request.path.glob("*.json"))
            raise UsageError(
                f"{request.path} is a folder, not a COCO file",
                f"It holds {some_of(inside)}."
                if inside
                else 'If labels are masks as files: data.format = "masks"; see docs/data.md.',
            )
        found = read_coco(request.path, labelled=request.labelled)
        if request.labelled and (self.ignore or self.ignore_crowd):
            found = self._with_ignored(found)
        return replace(found, images=tuple(self._located(found.images, request)))

    def _with_ignored(self, found: AnnotationSet) -> AnnotationSet:
        names = [category.name for category in found.categories]
        for name in self.ignore:
            if name not in names:
                raise UsageError(
                    f"{found.path}: no category is called {name!r}, which data.format.ignore names",
                    did_you_mean(name, names),
                    parameter="ignore",
                )
        ids = {each.category_id for each in found.categories if each.name in self.ignore}
        images = [
            replace(
                record,
                annotations=tuple(
                    replace(each, ignored=True)
                    if each.category_id in ids or (self.ignore_crowd and each.iscrowd)
                    else each
                    for each in record.annotations
                ),
            )
            for record in found.images
        ]
        given = [each for record in found.images for each in record.annotations]
        if self.ignore_crowd and given and all(each.iscrowd for each in given):
            raise UsageError(
                f"{found.path}: every annotation is a crowd (iscrowd = 1): nothing would be left",
                "Some tools write it for all that is drawn as a mask: leave out "
                "data.format.ignore_crowd.",
                parameter="ignore_crowd",
            )
        return replace(
            found,
            images=tuple(images),
            categories=tuple(each for each in found.categories if each.category_id not in ids),
            digest=digest_of(found.digest, json.dumps([sorted(self.ignore), self.ignore_crowd])),
        )

    def _located(
        self, records: Iterable[ImageRecord], request: ReadRequest
    ) -> Iterable[ImageRecord]:
        """Yield records whose names are relative to the root."""
        values = {
            "folder": _below(request),
            "subset": request.path.stem.rpartition("_")[2],
        }
        folder = filled_in(self.photos, values)
        known = PhotoFolder(request.root / folder)
        for record in records:
            name = record.file_name
            if FOREIGN.match(name) and not is_file(known.folder / name):
                name = known.find(name) or name.replace("\\", "/")
            if folder:
                name = normpath(f"{folder}/{name}")
            yield record if name == record.file_name else replace(record, file_name=name)


def _below(request: ReadRequest) -> str:
    try:
        return request.path.parent.relative_to(request.root).as_posix()
    except ValueError:  # it lies elsewhere
        return request.path.parent.as_posix()
