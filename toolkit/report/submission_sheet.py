"""Sheets of submission files: labels over photos, and where two files differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.resize import resize_image, resize_labels
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.metrics.counts import count_keys
from toolkit.recipe.problems import shown_path
from toolkit.report.sheet import (
    Picture,
    caption,
    centred,
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
_COLUMNS_WITH_TRUTH = 4
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


def truth_sheet(
    images: Sequence[tuple[str, Labels, Labels]],
    photos: Split,
    class_names: Sequence[str],
    name: str,
) -> Picture:
    """Return photo, truth and labels of a file, of each image in a column, under a legend.

    Args:
        images: (image id, true labels, labels of the file), uint8 (H, W); 255 = not to be scored.
        photos: has every image.
        class_names: index = label.
        name: of the file.

    Raises:
        UsageError: a photo cannot be read.
    """
    rows, colours = _rows(photos), class_colours(len(class_names))
    seen = _seen(labels for _, *both in images for labels in both)
    parts = [
        line(f"{name}: photo, truth, labels of the file and the share of pixels that are right"),
        *legend(seen, class_names, colours),
    ]
    columns = min(_COLUMNS_WITH_TRUTH, max(len(images), 1))
    width = tile_width(columns)
    for start in range(0, len(images), columns):
        tiles: list[tuple[Picture, Picture, Picture]] = []
        for image_id, truth, labels in images[start : start + columns]:
            photo = _photo(photos, rows[image_id], width, width)
            share = _share_right(truth, labels, len(class_names))
            tiles.append(
                (
                    _named(photo, image_id, width),
                    _named(_overlay(photo, truth, colours), "truth", width),
                    _named(_overlay(photo, labels, colours), f"{name}: {share}", width),
                )
            )
        parts += [grid(row, columns) for row in zip(*tiles, strict=True)]
    return stacked(parts)


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


def _photo(photos: Split, row: int, width: int, most_height: int | None = None) -> Picture:
    """Return a photo as wide as said, or narrower where it would be too high."""
    photo = read_picture(photos.path(row), photos.images[row])
    scale = width / photo.shape[1]
    if most_height is not None:
        scale = min(scale, most_height / photo.shape[0])
    size = max(1, round(scale * photo.shape[0])), max(1, round(scale * photo.shape[1]))
    return resize_image(photo, size)


def _overlay(photo: Picture, labels: Labels, colours: Picture) -> Picture:
    return coloured(photo, resize_labels(labels, (photo.shape[0], photo.shape[1])), colours)


def _named(tile: Picture, name: str, width: int | None = None) -> Picture:
    """Return a tile below its name, in the middle where it is narrower than the width."""
    width = width or tile.shape[1]
    return np.concatenate([caption(name, width), centred(tile, width)])


def _share_right(truth: Labels, labels: Labels, n_classes: int) -> str:
    """Return the share of an image's scored pixels that have the right label."""
    scored = truth < n_classes
    return f"{(truth == labels)[scored].mean():.1%} right" if scored.any() else "not scored"


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
