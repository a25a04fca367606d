"""Cards of images: the photo with labels to be laid over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.metrics.confusion import confusion
from toolkit.report.page import data_uri
from toolkit.report.thumbnails import class_colours, errors_png, fitted, labels_png, photo_jpeg

_SIDE = 420
_PHOTO_BYTES, _LAYER_BYTES = 45_000, 14_000
_MIX_UPS = 3
_LEAST_SHARE = 0.001
"""Share of an image from which two classes that were mixed up are named."""

Labels = NDArray[np.uint8]


LabelsOf = Callable[[int], Labels]
"""Returns the labels of the image at a position, uint8 (H, W)."""


@dataclass(frozen=True)
class ShownLabels:
    """The labels of images that are shown.

    Attributes:
        predicted: one for each prediction.
        truth: of the same sizes; None = those of the annotated split.
    """

    predicted: tuple[LabelsOf, ...]
    truth: LabelsOf | None = None


@dataclass(frozen=True)
class Layer:
    """A picture to be laid over a photo: its name, and the address that holds it."""

    name: str
    picture: str


@dataclass(frozen=True)
class WrongPixels:
    """Pixels of one class that are taken for another: labels, and their share of the image."""

    true: int
    predicted: int
    share: float


@dataclass(frozen=True)
class ImageCard:
    """What a page shows of an image.

    Attributes:
        name: its `file_name`.
        figures: what the page puts in order by, and their values; None = it has none. Texts have
            a value for each class, as in "3:0.02 7:0.4".
        width: of the pictures, pixels.
        height: of the pictures.
        photo: the address that holds it.
        left: shown left of the slider.
        right: shown right of the slider.
        others: shown alone.
        labels: labels that the truth or a prediction has.
        mix_ups: of every prediction, the largest first.
    """

    name: str
    figures: dict[str, float | str | None]
    width: int
    height: int
    photo: str
    left: Layer
    right: Layer
    others: tuple[Layer, ...]
    labels: tuple[int, ...]
    mix_ups: tuple[tuple[WrongPixels, ...], ...]


def image_cards(
    split: Split,
    rows: Sequence[int],
    predicted: Sequence[tuple[str, LabelsOf]],
    figures: Callable[[int], dict[str, float | str | None]],
    true_labels: LabelsOf | None = None,
) -> tuple[ImageCard, ...]:
    """Return the cards of some images: one prediction against the truth, or two of them.

    Args:
        split: the images.
        rows: positions of the images.
        predicted: (name, labels of the image at a position) of one or two predictions.
        figures: of the image at a position.
        true_labels: of the image at a position, as large as the predicted ones; default: those of
            the split. Both may be of another size than the photo.

    Raises:
        UsageError: a photo cannot be read.
    """
    colours = class_colours(len(split.labels.class_names))

    def card(row: int) -> ImageCard:
        labels = [(name, labels_of(row)) for name, labels_of in predicted]
        truth = painted(split, row) if true_labels is None else true_labels(row)
        return _card(split, row, truth, labels, figures(row), colours)

    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return tuple(pool.map(card, rows))


def painted(split: Split, row: int) -> Labels:
    """Return the true labels of the image at a position of a labelled split, uint8 (H, W)."""
    return paint_mask(split.images[row], split.labels, split.overlap, split.ignore_index)


def _card(
    split: Split,
    row: int,
    truth: Labels,
    predicted: Sequence[tuple[str, Labels]],
    figures: dict[str, float | str | None],
    colours: NDArray[np.uint8],
) -> ImageCard:
    record = split.images[row]
    photo = read_picture(split.path(row), record)
    known = truth != split.ignore_index
    every = np.ones_like(known)
    # Labels of a submission file are often smaller than the photo, and of another shape.
    size = fitted((photo.shape[0], photo.shape[1]), _SIDE)

    def layer(name: str, labels: Labels, trusted: NDArray[np.bool_]) -> Layer:
        png = labels_png(labels, trusted, colours, size, _LAYER_BYTES)
        return Layer(name, data_uri(png, "png"))

    def errors(name: str, labels: Labels) -> Layer:
        png = errors_png(truth == labels, known, size, _LAYER_BYTES)
        return Layer(name, data_uri(png, "png"))

    layers = [layer(name, labels, every) for name, labels in predicted]
    true_layer = layer("truth", np.where(known, truth, np.uint8(0)), known)
    others: tuple[Layer, ...]
    if len(predicted) == 1:
        others = (errors("errors", predicted[0][1]),)
        left, right = layers[0], true_layer
    else:
        wrong = (errors(f"errors of {name}", labels) for name, labels in predicted)
        others = (true_layer, *wrong)
        left, right = layers
    counts = [confusion(truth[known], labels[known], len(colours)) for _, labels in predicted]
    occurring = sum(each.sum(0) + each.sum(1) for each in counts)
    return ImageCard(
        name=record.file_name,
        figures=figures,
        width=size[1],
        height=size[0],
        photo=data_uri(photo_jpeg(photo, size, _PHOTO_BYTES), "jpeg"),
        left=left,
        right=right,
        others=others,
        labels=tuple(np.flatnonzero(occurring).tolist()),
        mix_ups=tuple(map(_mix_ups, counts)),
    )


def _mix_ups(counts: NDArray[np.int64]) -> tuple[WrongPixels, ...]:
    wrong = counts * ~np.eye(len(counts), dtype=np.bool_)
    total = max(int(counts.sum()), 1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MIX_UPS]
    found = []
    for code in order.tolist():
        true, predicted = divmod(code, len(counts))
        found.append(WrongPixels(true, predicted, int(wrong[true, predicted]) / total))
    return tuple(each for each in found if each.share >= _LEAST_SHARE)
