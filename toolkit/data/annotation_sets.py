"""What a recipe's `[data]` names, read by the reader of its format and completed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from pathlib import Path

from toolkit.data.content_digests import content_digests
from toolkit.data.image_bytes import Header
from toolkit.data.mask_facts import with_masks
from toolkit.data.mask_pixels import numbered
from toolkit.data.photo_facts import known_headers
from toolkit.data.photo_folder import read_photo_folder
from toolkit.errors import TrashError, UsageError
from toolkit.files import digest_of
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.reader import (
    AnnotationSet,
    ImageRecord,
    MaskFile,
    MaskTable,
    ReadRequest,
    ReadsFolders,
)
from toolkit.recipe.schema import Data
from toolkit.wording import some_of
from toolkit.workspace import Workspace

DEFAULT = ComponentSpec(name="coco")
"""The format of a recipe that names none."""


def read_annotations(
    workspace: Workspace, data: Data, path: Path, root: Path, *, labelled: bool = True
) -> AnnotationSet:
    """Read the images of one purpose, with the size of each that has labels.

    A folder without labels is a folder of photos, whatever the format. Of masks it is looked at
    which values they have; that, and the sizes of photos, are remembered by content.

    Args:
        workspace: has the readers, and the cache.
        data: names the format.
        path: the file or folder; it is there.
        root: folder of the photos.
        labelled: whether labels are needed; if not, those of the set are not used.

    Raises:
        UsageError: what the reader refuses; images with masks and annotations, or annotations
            without a category; masks are missing, damaged, or hold what the format does not name.
    """
    cache, progress = workspace.project.cache, workspace.progress
    photo_sizes = _photo_sizes(workspace, path, root)
    found = _read(workspace, data, ReadRequest(path, root, labelled, photo_sizes))
    if not labelled:
        images = tuple(replace(record, mask=None) for record in found.images)
        return _with_digest(replace(found, images=images), ())
    _refuse_two_kinds(found)
    most_pixels = int(data.max_megapixels * 1e6)
    found, masks = with_masks(found, root, cache, most_pixels, progress)
    return _with_digest(_with_photo_sizes(found, photo_sizes), masks)


def masks_of(
    workspace: Workspace, data: Data, path: Path, root: Path
) -> tuple[tuple[ImageRecord, MaskFile], ...]:
    """Return the photos of a labelled set that have a mask, with it: it may not be there.

    No mask is looked into. Arguments are those of `read_annotations`.

    Raises:
        UsageError: what the reader refuses.
    """
    sizes = _photo_sizes(workspace, path, root)
    found = _read(workspace, data, ReadRequest(path, root, True, sizes))
    return tuple((each, each.mask) for each in found.images if each.mask is not None)


def _photo_sizes(
    workspace: Workspace, path: Path, root: Path
) -> Callable[[Sequence[str]], list[tuple[int, int]]]:
    cache, progress = workspace.project.cache, workspace.progress

    def photo_sizes(names: Sequence[str]) -> list[tuple[int, int]]:
        contents = content_digests(root, names, cache, progress)
        headers = known_headers(root, names, contents, cache, progress)
        sizes = [each.size(oriented=True) for each in headers if isinstance(each, Header)]
        faults = [each.error for each in headers if not isinstance(each, Header)]
        if faults:
            shown = [fault.message.replace(f"{root}/", "", 1) for fault in faults]
            raise UsageError(
                f"{path}: {len(faults)} of {len(names)} photos cannot be used: {some_of(shown, 3)}",
                faults[0].hint,
            )
        return sizes

    return photo_sizes


def _read(workspace: Workspace, data: Data, request: ReadRequest) -> AnnotationSet:
    """Return what the reader of the format makes of a file or folder, as it is."""
    spec = data.format or DEFAULT
    context = Context(
        class_names=(data.background, *(data.classes or ())),
        image_size=data.image_size,
        ignore_index=data.ignore_index,
    )
    try:
        reader = workspace.registry.build("reader", spec, context)
        if request.path.is_dir() and not request.labelled and not isinstance(reader, ReadsFolders):
            return read_photo_folder(request.path, request.root)
        found = reader(request)
    except TrashError as error:
        if error.parameter:
            error.parameter = f"data.format.{error.parameter}"
        raise
    if not isinstance(found, AnnotationSet):
        raise TrashError(f"reader {spec.name} returned {type(found).__name__}, no AnnotationSet")
    return found


def _refuse_two_kinds(found: AnnotationSet) -> None:
    both = [each.file_name for each in found.images if each.mask and each.annotations]
    if both:
        raise UsageError(f"{found.path}: images with a mask and with annotations: {some_of(both)}")


def _with_photo_sizes(
    found: AnnotationSet, photo_sizes: Callable[[Sequence[str]], list[tuple[int, int]]]
) -> AnnotationSet:
    unsized = [row for row, record in enumerate(found.images) if not record.width]
    if not unsized:
        return found
    images = list(found.images)
    sizes = photo_sizes([images[row].file_name for row in unsized])
    for row, (width, height) in zip(unsized, sizes, strict=True):
        images[row] = replace(images[row], width=width, height=height)
    return replace(found, images=tuple(images))


def _with_digest(found: AnnotationSet, masks: Sequence[str]) -> AnnotationSet:
    """Return the set with the digest of all that decides its labels."""
    if found.digest and not masks:
        return found
    tables = {id(each.mask.table): each.mask.table for each in found.images if each.mask}
    numbers = {key: number for number, key in enumerate(tables)}
    content = [
        found.digest or [_plain(record) for record in found.images],
        [astuple(category) for category in found.categories],
        [_meanings(table) for table in tables.values()],
        [numbers[id(each.mask.table)] for each in found.images if each.mask],
    ]
    return replace(found, digest=digest_of("set", json.dumps(content), *masks))


def _plain(record: ImageRecord) -> list[object]:
    annotations = [astuple(each) for each in record.annotations]
    return [record.image_id, record.file_name, record.width, record.height, annotations]


def _meanings(table: MaskTable) -> list[object]:
    return [bool(table.colours), sorted(numbered(table).items())]
