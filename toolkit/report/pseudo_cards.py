"""The cards of the page of a pseudo-label set: photo, labels and figures of one image each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.split import Split
from toolkit.metrics.counts import count_keys
from toolkit.pseudo.figures import FIGURES
from toolkit.pseudo.label_set import LabelledImage, LabelSet
from toolkit.report.page import data_uri
from toolkit.report.thumbnails import class_colours, fitted, labels_png, photo_jpeg

_SIDES = (96, 320)
"""Smallest and largest longer side of a picture, pixels."""
_BYTES_PER_PIXEL = 0.22
"""What photo and labels together take of a pixel of the thumbnail, about."""
_PHOTO_SHARE = 0.75
"""Share of a card's bytes that the photo may take; the labels have the rest."""
GAP = 4
"""Between photo and labels, pixels of the thumbnail."""


@dataclass(frozen=True)
class Card:
    """What the page shows of an image.

    Attributes:
        number: of the card on the page.
        name: `file_name` of the image.
        size: (height, width) of the image, pixels.
        shown: (height, width) of its pictures.
        photo: the address that holds it.
        labels: the address that holds the labels to be laid over the photo.
        classes: labels of its trusted pixels.
        figures: (name, value) for people.
        attributes: what the script filters and sorts by.
    """

    number: int
    name: str
    size: tuple[int, int]
    shown: tuple[int, int]
    photo: str
    labels: str
    classes: tuple[int, ...]
    figures: tuple[tuple[str, str], ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Cards:
    """Makes cards.

    Attributes:
        label_set: the set.
        unlabelled: the images.
        most_bytes: what the pictures of one card may take, before base64.
    """

    label_set: LabelSet
    unlabelled: Split
    most_bytes: int

    @cached_property
    def colours(self) -> NDArray[np.uint8]:
        """RGB uint8 (C, 3)."""
        return class_colours(len(self.label_set.class_names))

    @cached_property
    def side(self) -> int:
        """Longer side of a picture, pixels."""
        smallest, largest = _SIDES
        return max(smallest, min(largest, int(sqrt(self.most_bytes / _BYTES_PER_PIXEL))))

    @cached_property
    def split_rows(self) -> dict[str, int]:
        """File name -> position in the split."""
        return {name: row for row, name in enumerate(self.unlabelled.file_names)}

    @cached_property
    def positions(self) -> dict[str, int]:
        """File name of a selected image -> its position in the set."""
        return {name: position for position, name in enumerate(self.label_set.file_names)}

    def card(self, row: int) -> Card:
        """Return the card of an image of the index.

        Raises:
            UsageError: the image cannot be read.
        """
        image = self.label_set.index.images[row]
        predicted = self.label_set.predicted[row]
        trusted = np.ones(predicted.shape, np.bool_)
        if image.is_selected:
            mask = self.label_set.masks[self.positions[image.file_name]]
            trusted = mask != self.label_set.index.ignore_index
        counts = count_keys(predicted[trusted])[: len(self.label_set.class_names)]
        labels = tuple(int(label) for label in np.flatnonzero(counts))
        size = fitted(image.size, self.side)
        photo_row = self.split_rows[image.file_name]
        photo = read_picture(self.unlabelled.path(photo_row), self.unlabelled.images[photo_row])
        jpeg = photo_jpeg(photo, size, int(self.most_bytes * _PHOTO_SHARE))
        png = labels_png(predicted, trusted, self.colours, size, self.most_bytes - len(jpeg))
        return Card(
            number=row,
            name=image.file_name,
            size=image.size,
            shown=size,
            photo=data_uri(jpeg, "jpeg"),
            labels=data_uri(png, "png"),
            classes=labels,
            figures=tuple(_figures(image)),
            attributes=_attributes(image, labels),
        )


def _known_figures(image: LabelledImage) -> Iterator[tuple[str, float]]:
    """Yield (attribute, value) of the figures that an image has."""
    for key in FIGURES:
        value = getattr(image, key)
        if value is not None:
            yield key, value


def _attributes(image: LabelledImage, labels: Sequence[int]) -> dict[str, Any]:
    """Return what the script filters and sorts by."""
    return {
        "name": image.file_name,
        "classes": " ".join(map(str, labels)),
        "trusted": image.trusted,
        **{key.replace("_", "-"): value for key, value in _known_figures(image)},
    }


def _figures(image: LabelledImage) -> Iterator[tuple[str, str]]:
    if image.rejected_by is not None:
        yield "rejected by", image.rejected_by
    for key, value in _known_figures(image):
        yield FIGURES[key], f"{value:.3f}"
    if image.is_selected:
        yield "trusted pixels", f"{image.trusted:.1%}"
