"""The cards of the page of a pseudo-label set: photo, labels and figures of one image each."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.split import Split
from toolkit.metrics.counts import count_keys
from toolkit.pseudo.figures import FIGURES
from toolkit.pseudo.label_set import LabelledImage, LabelSet
from toolkit.report.thumbnails import class_colours, fitted, labels_png, photo_jpeg

_SIDES = (96, 320)
"""Smallest and largest longer side of a picture, pixels."""
_BYTES_PER_PIXEL = 0.22
"""What photo and labels together take of a pixel of the thumbnail, about."""
_PHOTO_SHARE = 0.75
"""Share of a card's bytes that the photo may take; the labels have the rest."""
_GAP = 4


@dataclass(frozen=True)
class Cards:
    """Makes cards as HTML.

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

    def html(self, row: int) -> str:
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
        labels = [int(label) for label in np.flatnonzero(counts)]
        size = fitted(image.size, self.side)
        photo_row = self.split_rows[image.file_name]
        photo = read_picture(self.unlabelled.path(photo_row), self.unlabelled.images[photo_row])
        jpeg = photo_jpeg(photo, size, int(self.most_bytes * _PHOTO_SHARE))
        png = labels_png(predicted, trusted, self.colours, size, self.most_bytes - len(jpeg))
        chips = "".join(
            f'<span class="chip">{class_name_html(self.label_set, label, self.colours)}</span>'
            for label in labels
        )
        return (
            f"<article {_attributes(image, labels)}>\n"
            f"{_name(image)}{_picture(row, size, jpeg, png)}"
            f'{_figures(image)}<p class="classes">{chips}</p>\n</article>\n'
        )


def class_name_html(label_set: LabelSet, label: int, colours: NDArray[np.uint8]) -> str:
    """Return the name of a class with its colour before it."""
    shown = "transparent" if label == 0 else f"rgb({','.join(map(str, colours[label]))})"
    return f'<i style="background:{shown}"></i>{escape(label_set.class_names[label])}'


def _given_figures(image: LabelledImage) -> Iterator[tuple[str, float]]:
    """Yield (attribute, value) of the figures that an image has."""
    for key in FIGURES:
        value = getattr(image, key)
        if value is not None:
            yield key, value


def _attributes(image: LabelledImage, labels: list[int]) -> str:
    """Return what the script filters and sorts by."""
    values: dict[str, Any] = {
        "name": image.file_name,
        "classes": " ".join(map(str, labels)),
        "trusted": image.trusted,
        **{key.replace("_", "-"): value for key, value in _given_figures(image)},
    }
    return " ".join(f'data-{key}="{escape(str(value))}"' for key, value in values.items())


def _name(image: LabelledImage) -> str:
    height, width = image.size
    return (
        f'<label><input type="checkbox"> <span class="name">{escape(image.file_name)}</span>'
        f' <span class="size">{width} × {height}</span></label>\n'
    )


def _picture(number: int, size: tuple[int, int], jpeg: bytes, png: bytes) -> str:
    """Return photo and labels side by side; the photo is in the file once."""
    height, width = size
    right = width + _GAP
    area = f'width="{width}" height="{height}" preserveAspectRatio="none"'
    return (
        f'<svg viewBox="0 0 {right + width} {height}" role="img" aria-label="photo and labels">'
        f'<image id="p{number}" {area} href="data:image/jpeg;base64,{b64encode(jpeg).decode()}"/>'
        f'<use href="#p{number}" x="{right}"/>'
        f'<image class="labels" x="{right}" {area} '
        f'href="data:image/png;base64,{b64encode(png).decode()}"/></svg>\n'
    )


def _figures(image: LabelledImage) -> str:
    rows = [("rejected by", image.rejected_by)] if image.rejected_by is not None else []
    rows += [(FIGURES[key], f"{value:.3f}") for key, value in _given_figures(image)]
    if image.is_selected:
        rows.append(("trusted pixels", f"{image.trusted:.1%}"))
    return f"<dl>{facts_html(rows)}</dl>"


def facts_html(facts: list[tuple[str, str]]) -> str:
    """Return the rows of a list of facts."""
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
