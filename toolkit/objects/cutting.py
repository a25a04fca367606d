"""Finding the objects of rare classes in a split and cutting them out of the photos."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.segmentation import Rle, encode
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.files import file_digest
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import Progress
from toolkit.recipe.schema import Objects
from toolkit.suggestions import did_you_mean
from toolkit.wording import toml_array

MARGIN = 4
"""Pixels of its surroundings that an object keeps on every side, for a soft edge."""

_RARE = 0.5
"""A class is rare when it has fewer annotations than this share of the mean over all classes."""

_THREADS = 4


@dataclass(frozen=True)
class FoundObject:
    """An object that was found, not yet cut out.

    Attributes:
        row: position of its image in the split.
        label: its class.
        visible: its pixels.
        area: number of its pixels.
        box: (top, left, bottom, right) of what is cut out, pixels; the last two are exclusive.
    """

    row: int
    label: int
    visible: Rle
    area: int
    box: tuple[int, int, int, int]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of what is cut out."""
        top, left, bottom, right = self.box
        return bottom - top, right - left


@dataclass(frozen=True)
class CutImage:
    """What was cut out of one image.

    Attributes:
        row: position of the image in the split.
        patches: uint8 (height, width, channels + 1), the photo and alpha, in the order of the
            pieces.
        n_bytes: size of the image file.
        digest: digest of the image file.
    """

    row: int
    patches: tuple[NDArray[np.uint8], ...]
    n_bytes: int
    digest: str


def chosen_labels(objects: Objects, train: Split) -> tuple[int, ...]:
    """Return the labels whose objects are cut out, in ascending order.

    Without `objects.classes` these are the classes with fewer annotations than half the mean number
    per class, but those of `objects.exclude`. A class of a mask counts as one annotation.

    Raises:
        UsageError: `objects.classes` names no class of the contest, or no class is rare; objects
            are to be annotations in a split with masks, which do not tell two objects of a class
            from one.
    """
    if objects.by == "annotation" and any(record.mask is not None for record in train.images):
        raise UsageError(
            'objects.by = "annotation", but masks do not tell objects of one class apart',
            'Take all pixels of a class in an image as one object: objects.by = "class".',
            parameter="objects.by",
        )
    names = train.labels.class_names
    if objects.classes is None:
        return _rare_labels(train, objects.exclude)
    for name in objects.classes:
        if name not in names[1:]:
            raise UsageError(
                f"objects.classes: there is no class called {name}",
                did_you_mean(name, names[1:]),
                parameter="objects.classes",
            )
    if not objects.classes:
        raise UsageError(
            "objects.classes names no class",
            f"Name some of {', '.join(names[1:])}.",
            parameter="objects.classes",
        )
    return tuple(sorted({names.index(name) for name in objects.classes}))


def _rare_labels(train: Split, exclude: Collection[str]) -> tuple[int, ...]:
    names = train.labels.class_names
    counts = Counter(
        train.labels.label_of[category_id]
        for record in train.images
        for category_id in record.categories
    )
    limit = _RARE * counts.total() / (len(names) - 1)
    rare = [
        label
        for label in range(1, len(names))
        if counts[label] < limit and names[label] not in exclude
    ]
    if not rare:
        raise UsageError(
            "no class is rare: none (beside objects.exclude) has fewer annotations than half the "
            f"mean number per class, {limit:g}",
            f"Name the classes to cut out: objects.classes = {toml_array(names[1:])}",
            parameter="objects.classes",
        )
    return tuple(rare)


def find_pieces(
    train: Split, labels: Collection[int], by: str, progress: Progress
) -> list[FoundObject]:
    """Return the objects of these labels that have a visible pixel, looking at no photo.

    Args:
        train: the images, in whose order the objects come.
        labels: classes of the objects.
        by: "annotation": an object is what is seen of an annotation, regions of many objects are
            left out; "class": all pixels of a class in an image.
        progress: told while looking.

    Raises:
        UsageError: an annotation cannot be painted.
    """
    pieces: list[FoundObject] = []
    with progress.bar(f"looking for objects in {train.name}", len(train), "images") as bar:
        for row, record in enumerate(train.images):
            present = {train.labels.label_of[each] for each in record.categories}
            wanted = sorted(present.intersection(labels))
            if wanted:
                pieces.extend(_of_image(train, row, record, wanted, by))
            bar.advance()
    return pieces


def _of_image(
    train: Split, row: int, record: ImageRecord, labels: Sequence[int], by: str
) -> Iterator[FoundObject]:
    mask = paint_mask(record, train.labels, train.overlap, train.ignore_index)
    # Runs of pixels are compared, not pixels: a photo may have many objects.
    shown = {
        label: coco_mask.encode(np.asfortranarray(mask == label).view(np.uint8)) for label in labels
    }
    found = list(shown.items())
    if by == "annotation":
        found = [
            (label, coco_mask.merge([outline, shown[label]], intersect=True))
            for each in record.objects
            if (label := train.labels.label_of[each.category_id]) in shown and not each.iscrowd
            for outline in (encode(each.segmentation, record.height, record.width),)
        ]
    for label, visible in found:
        area = int(coco_mask.area(visible))
        if area:
            yield FoundObject(row, label, visible, area, _box(visible, record))


def _box(visible: Rle, record: ImageRecord) -> tuple[int, int, int, int]:
    left, top, width, height = (int(value) for value in coco_mask.toBbox(visible))
    return (
        max(top - MARGIN, 0),
        max(left - MARGIN, 0),
        min(top + height + MARGIN, record.height),
        min(left + width + MARGIN, record.width),
    )


def cut_pieces(
    train: Split, pieces: Sequence[FoundObject], progress: Progress
) -> Iterator[CutImage]:
    """Yield what is cut out of each image that has pieces; few photos are in memory at once.

    Args:
        train: the images.
        pieces: what to cut out, sorted by image.
        progress: told while cutting.

    Raises:
        UsageError: an image is missing, broken, or of another size than its record.
    """
    images = [(row, tuple(group)) for row, group in groupby(pieces, key=lambda piece: piece.row)]
    threads = min(_THREADS, os.cpu_count() or 1)
    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with (
        progress.bar(f"cutting objects out of {train.name}", len(images), "images") as bar,
        ThreadPoolExecutor(threads) as pool,
    ):
        for start in range(0, len(images), threads):
            for cut in pool.map(lambda each: _cut(train, *each), images[start : start + threads]):
                yield cut
                bar.advance()


def _cut(train: Split, row: int, pieces: Sequence[FoundObject]) -> CutImage:
    path = train.path(row)
    image = read_image(path, train.images[row])
    patches = []
    for piece in pieces:
        top, left, bottom, right = piece.box
        place = slice(top, bottom), slice(left, right)
        alpha = coco_mask.decode(piece.visible)[place] * np.uint8(255)
        patches.append(np.dstack([image[place], alpha]))
    return CutImage(row, tuple(patches), path.stat().st_size, file_digest(path))
