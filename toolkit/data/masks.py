"""From annotations to label masks, painted once and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from toolkit.data.array_store import (
    FORMAT_VERSION,
    Arrays,
    ArrayStore,
    Layout,
    open_store,
    write_store,
)
from toolkit.data.labels import LabelMap
from toolkit.data.mask_pixels import paint_labels
from toolkit.data.resize import RESIZING, Sampling, resize_labels
from toolkit.data.segmentation import Rle, encode
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.files import digest_of
from toolkit.plugin.kinds import Nearest
from toolkit.plugin.reader import Annotation, ImageRecord
from toolkit.progress import Progress


def paint_mask(
    record: ImageRecord, labels: LabelMap, overlap: str, ignore_index: int
) -> NDArray[np.uint8]:
    """Return the labels of an image, uint8 (height, width); 0 where there is no object.

    Where annotations overlap, the larger label wins ("max-id"), the one that covers fewer pixels
    ("area"), or the later one in the file ("order"); equals go to the later one. An ignored region
    gives `ignore_index` where no object is: what is known of a pixel counts. An image with a mask
    has the labels of its pixels.

    Raises:
        UsageError: an outline cannot be painted, a category is outside the class list, a label
            equals `ignore_index`, or a mask cannot be read or is not what it was.
    """
    if ignore_index < len(labels.class_names):
        raise UsageError(f"data.ignore_index = {ignore_index} is a label, choose a larger number")
    if record.mask is not None:
        size = record.height, record.width
        return paint_labels(record.mask, size, labels.label_of, ignore_index)
    pieces = [
        _piece(record, position, labels)
        for position, annotation in enumerate(record.annotations)
        if not annotation.ignored
    ]
    if overlap == "max-id":
        pieces.sort(key=lambda piece: piece[0])
    elif overlap == "area":
        pieces.sort(key=lambda piece: -int(coco_mask.area(piece[1])))
    # pycocotools stores column by column: painting the transpose keeps memory access in order.
    transposed = np.zeros((record.width, record.height), dtype=np.uint8)
    ignored = [
        _outline(record, annotation) for annotation in record.annotations if annotation.ignored
    ]
    if ignored:
        transposed[coco_mask.decode(coco_mask.merge(ignored)).T.view(np.bool_)] = ignore_index
    for label, group in groupby(pieces, key=lambda piece: piece[0]):
        covered = coco_mask.decode(coco_mask.merge([rle for _, rle in group]))
        transposed[covered.T.view(np.bool_)] = label
    return np.ascontiguousarray(transposed.T)


def _piece(record: ImageRecord, position: int, labels: LabelMap) -> tuple[int, Rle]:
    annotation = record.annotations[position]
    label = labels.label_of.get(annotation.category_id)
    if label is None:
        raise UsageError(
            f"{_where(record, annotation)}: category id {annotation.category_id} is not in the "
            "class list",
            f"Known ids: {', '.join(map(str, sorted(labels.label_of)))}",
        )
    return label, _outline(record, annotation)


def _outline(record: ImageRecord, annotation: Annotation) -> Rle:
    try:
        return encode(annotation.segmentation, record.height, record.width)
    except UsageError as error:
        raise UsageError(
            f"{_where(record, annotation)}: {error.message}", "`trash data check` lists them all."
        ) from None


def _where(record: ImageRecord, annotation: Annotation) -> str:
    return f"annotation {annotation.annotation_id} of {record.file_name}"


def open_masks(
    split: Split,
    cache: Path,
    size: tuple[int, int] | None,
    progress: Progress,
    *,
    nearest: Nearest | None = None,
) -> ArrayStore:
    """Return the masks of a split, uint8 labels, painting them first if the cache lacks them.

    Args:
        split: the images; its order is the order of the masks.
        cache: folder of caches; the file's name holds a digest of everything the masks depend on.
        size: (height, width) in pixels to resize to; None = native sizes.
        progress: told while painting.
        nearest: resize as a contest makes its files, in place of `resize_labels`.

    Raises:
        UsageError: an annotation cannot be painted.
    """
    if split.source is not None and not split.has_own_labels:
        whole = open_masks(split.source, cache, size, progress, nearest=nearest)
        return whole.subset(split.rows)
    layout = Layout(
        sizes=tuple(size or (record.height, record.width) for record in split.images),
        channels=0,
        n_labels=len(split.labels.class_names),
    )
    key = digest_of(
        "masks",
        str(FORMAT_VERSION),
        split.digest,
        json.dumps(sorted(split.labels.label_of.items())),
        split.overlap,
        json.dumps(size and [size, RESIZING, nearest]),
        *([str(split.ignore_index)] if _may_ignore(split) else []),
    )
    path = cache / "masks" / f"{split.file.stem}-{key}.bin"
    found = open_store(path, layout)
    return found or write_store(path, layout, _paint_all(split, size, nearest, progress))


def _may_ignore(split: Split) -> bool:
    return any(
        record.mask is not None or len(record.objects) < len(record.annotations)
        for record in split.images
    )


def _paint_all(
    split: Split, size: tuple[int, int] | None, nearest: Nearest | None, progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    with progress.bar(f"painting masks of {split.name}", len(split), "images") as bar:
        for record in split.images:
            mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
            if size is not None:
                mask = Sampling(size, nearest)(mask) if nearest else resize_labels(mask, size)
            yield mask
            bar.advance()


def open_resized(
    masks: Arrays, key: str, cache: Path, size: tuple[int, int], progress: Progress
) -> ArrayStore:
    """Return masks at one size, resizing them first if the cache lacks them.

    Args:
        masks: uint8 labels of any sizes.
        key: digest of everything that they depend on.
        cache: folder of caches.
        size: (height, width), pixels.
        progress: told while resizing.
    """
    layout = Layout(sizes=(size,) * len(masks), channels=0, n_labels=0)
    name = digest_of("resized", str(FORMAT_VERSION), str(RESIZING), key, json.dumps(size))
    path = cache / "masks" / f"{name}.bin"
    found = open_store(path, layout)
    return found or write_store(path, layout, _resize_all(masks, size, progress))


def _resize_all(
    masks: Arrays, size: tuple[int, int], progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    with progress.bar("resizing masks", len(masks), "images") as bar:
        for position in range(len(masks)):
            yield resize_labels(masks[position], size)
            bar.advance()
