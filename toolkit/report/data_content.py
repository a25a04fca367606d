"""What the page on data shows of labels: classes, objects, places, and which go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.object_facts import TINY
from toolkit.data.split_statistics import LabelStatistics
from toolkit.report.bar_chart import bar_chart
from toolkit.report.class_figures import Matrix, MatrixCell, css_colour
from toolkit.report.page import data_uri
from toolkit.report.run_content import Chart

"""Square pixels below which COCO calls an object small."""

_MOST_CLASSES = 40
"""In the matrix and among the maps; of more classes those with most pixels are shown."""
_MOST_COUNTED = 15
"""Objects of one image from which on they are counted together."""

Labelled = Sequence[tuple[str, LabelStatistics]]
"""(name, labels) of the splits with labels, the training split first."""


@dataclass(frozen=True)
class ClassShare:
    """How much of a class a split holds.

    Attributes:
        pixels: share of the labelled pixels, 0…1.
        images: that show it.
        objects: of it.
    """

    pixels: float
    images: int
    objects: int


@dataclass(frozen=True)
class ObjectFigures:
    """The objects of a class in a split; areas in pixels of the photos, None without objects.

    Attributes:
        objects: number of them.
        per_image: on average in an image that has some.
        smallest: area.
        median: area.
        largest: area.
        tiny: number of those below 32 x 32 pixels.
        lost: number of those without a pixel at the size of the network's input.
    """

    objects: int
    per_image: float | None
    smallest: int | None
    median: float | None
    largest: int | None
    tiny: int
    lost: int


@dataclass(frozen=True)
class ClassContentRow:
    """A class: its shares and its objects in each split."""

    label: int
    name: str
    colour: str
    shares: tuple[ClassShare, ...]
    objects: tuple[ObjectFigures, ...]


def class_content(class_names: Sequence[str], splits: Labelled) -> list[ClassContentRow]:
    """Return what every split holds of every class, the background first."""
    rows = []
    for label, name in enumerate(class_names):
        figures = tuple(_objects(labels.of_class(label)) for _, labels in splits)
        shares = tuple(
            ClassShare(
                float(labels.pixel_shares[label]),
                int(labels.present[:, label].sum()),
                each.objects,
            )
            for (_, labels), each in zip(splits, figures, strict=True)
        )
        rows.append(
            ClassContentRow(label, name, css_colour(label, len(class_names)), shares, figures)
        )
    return rows


def _objects(objects: NDArray[np.int64]) -> ObjectFigures:
    if not len(objects):
        return ObjectFigures(0, None, None, None, None, 0, 0)
    areas = objects[:, 2]
    return ObjectFigures(
        objects=len(objects),
        per_image=len(objects) / len(np.unique(objects[:, 0])),
        smallest=int(areas.min()),
        median=float(np.median(areas)),
        largest=int(areas.max()),
        tiny=int((areas < TINY).sum()),
        lost=int(objects[:, 4].sum()),
    )


def objects_per_image(splits: Labelled) -> Chart:
    """Return how many objects the images have."""
    counts = [
        np.bincount(labels.objects[:, 0], minlength=len(labels.pixels)).clip(max=_MOST_COUNTED)
        for _, labels in splits
    ]
    most = max(int(each.max(initial=0)) for each in counts)
    names = [str(number) for number in range(most + 1)]
    if most == _MOST_COUNTED:
        names[-1] += "+"
    series = [
        (name, _shares(np.bincount(each, minlength=most + 1)))
        for (name, _), each in zip(splits, counts, strict=True)
    ]
    return Chart(
        "Objects per image",
        bar_chart("share of the images with so many objects", "objects", names, series),
        "Share of the images of each split.",
    )


def object_areas(splits: Labelled) -> Chart:
    """Return how large the objects are, each bar twice the area of the one before."""
    powers = [np.log2(np.maximum(labels.objects[:, 2], 1)).astype(np.int64) for _, labels in splits]
    known = np.concatenate(powers)
    first, last = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    names = [_power(power) for power in range(first, last + 1)]
    series = [
        (name, _shares(np.bincount(each - first, minlength=last - first + 1)))
        for (name, _), each in zip(splits, powers, strict=True)
        if len(each)
    ]
    return Chart(
        "Areas of objects",
        bar_chart(
            "share of the objects with such an area", "area, pixels of the photo", names, series
        ),
        "Share of the objects of each split; each bar begins at its number and ends at twice it.",
    )


def _power(power: int) -> str:
    value = 2**power
    return (
        str(value) if value < 1024 else f"{value // 1024}k" if value < 2**20 else f"{value >> 20}M"
    )


def _shares(counts: NDArray[np.int64]) -> list[float]:
    total = max(int(counts.sum()), 1)
    return [float(count) / total for count in counts]


def together(labels: LabelStatistics) -> Matrix:
    """Return how often images of one class (rows) show another one (columns); no background.

    The cells hold two ways: % of the images with the row's class, and images.
    """
    counts = labels.together
    shown, left_out = _largest(labels)
    most = max((int(counts[one, other]) for one in shown for other in shown), default=0)

    def cell(one: int, other: int) -> MatrixCell:
        both, all_of_one = int(counts[one, other]), int(counts[one, one])
        share = both / max(all_of_one, 1)
        return MatrixCell(
            one == other,
            (
                ("0" if not both else f"{100 * share:.0f}", round(share, 3)),
                (str(both), round(both / max(most, 1), 3)),
            ),
        )

    cells = tuple(tuple(cell(one, other) for other in shown) for one in shown)
    return Matrix(tuple(shown), cells, left_out)


@dataclass(frozen=True)
class PlaceMap:
    """Where in the images a class is.

    Attributes:
        label: the class.
        picture: the address that holds it: dark where it is not, bright where it is most.
        most: its share of the pixels at the place where it is most, 0…1.
    """

    label: int
    picture: str
    most: float


def place_maps(labels: LabelStatistics) -> tuple[list[PlaceMap], int]:
    """Return the maps of the classes, and how many are left out."""
    shown, left_out = _largest(labels)
    found = []
    for label in shown:
        places = labels.places[label]
        levels = np.round(places / max(float(places.max()), 1e-12) * 255).astype(np.uint8)
        picture = cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS)
        png = cv2.imencode(".png", picture)[1].tobytes()
        found.append(PlaceMap(label, data_uri(png, "png"), float(places.max())))
    return found, left_out


def _largest(labels: LabelStatistics) -> tuple[list[int], int]:
    """Return the classes with pixels that there is room for, and how many there is none for."""
    pixels = labels.pixels.sum(axis=0)
    occurring = np.flatnonzero(pixels[1:]) + 1
    chosen = occurring[np.argsort(-pixels[occurring], kind="stable")[:_MOST_CLASSES]]
    return sorted(chosen.tolist()), len(occurring) - len(chosen)


def label_warnings(
    rows: Sequence[ClassContentRow], splits: Sequence[str], size: tuple[int, int] | None
) -> list[str]:
    """Return what a reader of the classes must know."""
    found = []
    for place, split in enumerate(splits):
        missing = [row.name for row in rows[1:] if not row.shares[place].pixels]
        if missing:
            verb = "has" if len(missing) == 1 else "have"
            found.append(f"{_listed(missing)} {verb} no pixel in the {split} split.")
    if size is None:
        return found
    for row in rows[1:]:
        lost = sum(each.lost for each in row.objects)
        objects = sum(each.objects for each in row.objects)
        if objects and lost / objects >= 0.2:
            found.append(
                f"{lost} of {objects} objects of {row.name} have no pixel left at "
                f"{size[0]}x{size[1]}, the size of the network's input."
            )
    return found


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
