"""What the images of a split hold, counted in one pass over their labels and photos."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_image
from toolkit.data.masks import paint_mask
from toolkit.data.object_facts import ObjectFact, object_facts
from toolkit.data.photo_measures import PhotoMeasures, measure, measure_photo
from toolkit.data.resize import Size
from toolkit.data.split import Split
from toolkit.progress import Progress
from toolkit.seeds import Stream, generator

GRID = 24
"""Rows and columns of cells that a class's places are counted in."""

_AHEAD = 64
_THREADS = 4


@dataclass(frozen=True)
class LabelStatistics:
    """What the labels of a split hold; labels count from the background, 0.

    Attributes:
        pixels: of each image and label, int64 (images, labels); ignored ones are of none.
        objects: of all images, int64 (objects, 5): image, label, area in pixels, number (see
            `ObjectFact`), and 1 where the network does not get to see it, else 0.
        places: share of the labelled pixels of each cell that a label has, float64 (labels, GRID,
            GRID); the image's height and width are divided into equal parts.
    """

    pixels: NDArray[np.int64]
    objects: NDArray[np.int64]
    places: NDArray[np.float64]

    @property
    def pixel_shares(self) -> NDArray[np.float64]:
        """Share of all labelled pixels that each label has, (labels,)."""
        total = self.pixels.sum(axis=0)
        return np.asarray(total / max(int(total.sum()), 1))

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which image shows which label, (images, labels)."""
        return np.asarray(self.pixels > 0)

    @property
    def foreground(self) -> NDArray[np.float64]:
        """Share of each image's labelled pixels that are not background, (images,)."""
        total = self.pixels.sum(axis=1)
        return np.asarray(self.pixels[:, 1:].sum(axis=1) / np.maximum(total, 1))

    @property
    def together(self) -> NDArray[np.int64]:
        """Number of images that show both of two labels, (labels, labels)."""
        present = self.present.astype(np.int64)
        return np.asarray(present.T @ present)

    def of_class(self, label: int) -> NDArray[np.int64]:
        """Return the rows of `objects` of a label."""
        return np.asarray(self.objects[self.objects[:, 1] == label])


@dataclass(frozen=True)
class SplitStatistics:
    """What a split holds.

    Attributes:
        labels: None for a split without labels.
        photos: of the photos at `rows`.
        rows: positions of the photos that were looked at: all, or a sample of them.
    """

    labels: LabelStatistics | None
    photos: PhotoMeasures
    rows: tuple[int, ...]


def split_statistics(
    split: Split, size: Size | None, most_photos: int, progress: Progress, *, labelled: bool
) -> SplitStatistics:
    """Count what a split holds: all labels, and at most so many photos.

    Args:
        split: at least one image.
        size: (height, width) that the network gets; None = nothing is resized.
        most_photos: photos that are looked at; of more, a sample is drawn from a fixed seed.
        progress: told while it counts.
        labelled: whether the labels are counted.

    Raises:
        UsageError: a photo or a mask cannot be read.
    """
    rows = sampled_rows(len(split), most_photos)
    n_labels = len(split.labels.class_names)
    chosen = frozenset(rows)
    tally = _Tally(len(split), n_labels)
    photos = []

    def look(row: int) -> _Image:
        labels = _look_at_labels(split, row, size) if labelled else None
        photo = None
        if row in chosen:
            photo = measure_photo(read_image(split.path(row), split.images[row]))
        return labels, photo

    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    wanted = range(len(split)) if labelled else rows
    with (
        progress.bar(f"counting what {split.name} holds", len(wanted), "images") as bar,
        ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as pool,
    ):
        for start in range(0, len(wanted), _AHEAD):
            part = wanted[start : start + _AHEAD]
            for row, (labels, photo) in zip(part, pool.map(look, part), strict=True):
                if labels is not None:
                    tally.add(row, *labels)
                if photo is not None:
                    photos.append(photo)
                bar.advance()
    return SplitStatistics(tally.result() if labelled else None, measure(photos), rows)


def sampled_rows(n_images: int, most: int, seed: int = 0) -> tuple[int, ...]:
    """Return the positions of at most so many images, drawn from a seed, in their order."""
    if n_images <= most:
        return tuple(range(n_images))
    drawn = generator(Stream.SHOWN_IMAGES, seed).choice(n_images, most, replace=False)
    return tuple(sorted(drawn.tolist()))


_Labels = tuple[NDArray[np.int64], list[ObjectFact]]
_Image = tuple[_Labels | None, tuple[NDArray[np.float64], float, float] | None]


def _look_at_labels(split: Split, row: int, size: Size | None) -> _Labels:
    """Return pixels by cell and label, (GRID * GRID, labels), and the objects."""
    mask = paint_mask(split.images[row], split.labels, split.overlap, split.ignore_index)
    cells = _count_cells(mask, len(split.labels.class_names))
    return cells, object_facts(split, row, mask, size)


def _count_cells(mask: NDArray[np.uint8], n_labels: int) -> NDArray[np.int64]:
    # Cell by cell: numbers of cells and labels for all pixels would take 20 times the mask's bytes.
    downs, acrosses = (-(-np.arange(GRID + 1) * length // GRID) for length in mask.shape)
    counts = [
        np.bincount(mask[top:bottom, left:right].ravel(), minlength=n_labels)[:n_labels]
        for top, bottom in pairwise(downs.tolist())
        for left, right in pairwise(acrosses.tolist())
    ]
    return np.stack(counts)


class _Tally:
    def __init__(self, n_images: int, n_labels: int) -> None:
        self._pixels = np.zeros((n_images, n_labels), np.int64)
        self._cells = np.zeros((GRID * GRID, n_labels), np.int64)
        self._objects: list[Sequence[int]] = []

    def add(self, row: int, cells: NDArray[np.int64], objects: Sequence[ObjectFact]) -> None:
        self._pixels[row] = cells.sum(axis=0)
        self._cells += cells
        self._objects += [(row, *each) for each in objects]

    def result(self) -> LabelStatistics:
        whole = np.maximum(self._cells.sum(axis=1, keepdims=True), 1)
        places = (self._cells / whole).T.reshape(-1, GRID, GRID)
        objects = np.array(self._objects, np.int64).reshape(-1, 1 + len(ObjectFact._fields))
        return LabelStatistics(self._pixels, objects, places)
