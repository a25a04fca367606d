"""Sheets of submission files: labels over photos, and where two files differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_image
from toolkit.data.resize import resize_image, resize_labels
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.metrics.counts import count_keys
from toolkit.recipe.problems import shown_path
from toolkit.report.sheet import (
    Picture,
    caption,
    coloured,
    grid,
    legend,
    line,
    stacked,
    tile_width,
)
from toolkit.report.thumbnails import class_colours
from toolkit.suggestions import did_you_mean

Labels = NDArray[np.uint8]

_IMAGES_PER_ROW = 2
_NAMED_CLASSES = 2
"""More than these do not fit above a tile."""
_HIGHLIGHT = np.array([(0, 0, 0), (255, 255, 255)], np.uint8)
"""No class has white."""


def require_photos(photos: Split, image_ids: Iterable[str]) -> None:
    """Refuse missing photos before anything is drawn.

    Raises:
        UsageError: an image is not in the list, or its file is not there.
    """
    rows = _rows(photos)
    for image_id in image_ids:
        if image_id not in rows:
            raise UsageError(
                f"{image_id} is not an image of {shown_path(photos.file)}",
                did_you_mean(image_id, rows),
            )
        path = photos.path(rows[image_id])
        if not path.is_file():
            raise UsageError(
                f"the photo {shown_path(path)} is not here",
                "Name the folder of the photos on this machine with --data FOLDER.",
            )


def overlay_sheet(
    images: Sequence[tuple[str, Labels]], photos: Split, class_names: Sequence[str], title: str
) -> Picture:
    """Return photos with the labels of a file beside them, under a legend.

    Args:
        images: (image id, uint8 (H, W) labels of any size).
        photos: has every image.
        class_names: index = label.
        title: the first line.

    Raises:
        UsageError: a photo cannot be read.
    """
    rows, colours = _rows(photos), class_colours(len(class_names))
    columns = 2 * min(_IMAGES_PER_ROW, max(len(images), 1))
    tiles = []
    for image_id, labels in images:
        photo = _photo(photos, rows[image_id], tile_width(columns))
        overlay = _overlay(photo, labels, colours)
        tiles += [_named(photo, image_id), _named(overlay, _largest(labels, class_names))]
    seen = _seen(labels for _, labels in images)
    return stacked([line(title), *legend(seen, class_names, colours), grid(tiles, columns)])


def difference_sheet(
    images: Sequence[tuple[str, Labels, Labels]],
    photos: Split,
    class_names: Sequence[str],
    names: tuple[str, str],
) -> Picture:
    """Return photo, labels of both files, and the pixels that differ, of each image in a row.

    Args:
        images: (image id, labels of the first file, labels of the second), uint8 (H, W).
        photos: has every image.
        class_names: index = label.
        names: of the two files.

    Raises:
        UsageError: a photo cannot be read.
    """
    rows, colours = _rows(photos), class_colours(len(class_names))
    columns = 4
    tiles = []
    for image_id, before, after in images:
        photo = _photo(photos, rows[image_id], tile_width(columns))
        differs = (before != after).astype(np.uint8)
        tiles += [
            _named(photo, image_id),
            _named(_overlay(photo, before, colours), names[0]),
            _named(_overlay(photo, after, colours), names[1]),
            _named(_overlay(photo, differs, _HIGHLIGHT), f"{differs.mean():.1%} differ"),
        ]
    title = f"{names[0]} and {names[1]}: the images that differ most, differing pixels in white"
    seen = _seen(labels for _, *both in images for labels in both)
    return stacked([line(title), *legend(seen, class_names, colours), grid(tiles, columns)])


def _rows(photos: Split) -> dict[str, int]:
    return {name: row for row, name in enumerate(photos.file_names)}


def _photo(photos: Split, row: int, width: int) -> Picture:
    photo = read_image(photos.path(row), photos.images[row])
    return resize_image(photo, (max(1, round(width * photo.shape[0] / photo.shape[1])), width))


def _overlay(photo: Picture, labels: Labels, colours: Picture) -> Picture:
    return coloured(photo, resize_labels(labels, (photo.shape[0], photo.shape[1])), colours)


def _named(tile: Picture, name: str) -> Picture:
    return np.concatenate([caption(name, tile.shape[1]), tile])


def _largest(labels: Labels, class_names: Sequence[str]) -> str:
    """Return the classes of an image with their shares of its pixels, the largest first."""
    counts = count_keys(labels)[: len(class_names)]
    found = [label for label in range(1, len(class_names)) if counts[label]]
    found.sort(key=lambda label: -counts[label])
    shares = [
        f"{class_names[label]} {counts[label] / labels.size:.1%}"
        for label in found[:_NAMED_CLASSES]
    ]
    more = f" + {len(found) - _NAMED_CLASSES}" if len(found) > _NAMED_CLASSES else ""
    return ", ".join(shares) + more if shares else "background alone"


def _seen(images: Iterable[Labels]) -> set[int]:
    return {int(label) for labels in images for label in np.unique(labels)}
