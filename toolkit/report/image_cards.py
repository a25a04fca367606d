"""Cards of images: the photo with truth, prediction and errors to be laid over it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from toolkit.data.images import read_picture
from toolkit.data.masks import paint_mask
from toolkit.data.split import Split
from toolkit.metrics.confusion import confusion
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict.store import ProbabilityStore
from toolkit.report.page import data_uri
from toolkit.report.thumbnails import class_colours, errors_png, fitted, labels_png, photo_jpeg

_SIDE = 420
_PHOTO_BYTES, _LAYER_BYTES = 45_000, 14_000
_MIX_UPS = 3
_LEAST_SHARE = 0.001
"""Share of an image from which two classes that were mixed up are named."""


@dataclass(frozen=True)
class ImageCard:
    """What a page shows of an image.

    Attributes:
        name: its `file_name`.
        score: by the metric that decides, of this image alone; None = it has none.
        confidence: mean probability of the predicted class, 0…1.
        width: of the pictures, pixels.
        height: of the pictures.
        photo: the pictures, as addresses that hold them; see `toolkit.report.thumbnails`.
        truth: the same for the true labels.
        prediction: the same for the predicted labels.
        errors: the same for where they differ.
        labels: labels that truth or prediction has.
        mix_ups: (true label, predicted label, share of the image's known pixels), largest first.
    """

    name: str
    score: float | None
    confidence: float
    width: int
    height: int
    photo: str
    truth: str
    prediction: str
    errors: str
    labels: tuple[int, ...]
    mix_ups: tuple[tuple[int, int, float], ...]


def image_cards(
    split: Split,
    store: ProbabilityStore,
    rows: Sequence[int],
    scores: NDArray[np.float64],
    confidences: NDArray[np.float64],
) -> list[ImageCard]:
    """Return the cards of some images.

    Args:
        split: the images, labelled.
        store: their maps.
        rows: positions of the images.
        scores: (images,) of the split, NaN = none.
        confidences: (images,) of the split.

    Raises:
        UsageError: a photo cannot be read.
    """
    colours = class_colours(len(split.labels.class_names))

    def card(row: int) -> ImageCard:
        score = float(scores[row])
        return _card(
            split, store, row, None if np.isnan(score) else score, confidences[row], colours
        )

    # OpenCV releases the GIL; its own threads would fight with these.
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(card, rows))


def _card(
    split: Split,
    store: ProbabilityStore,
    row: int,
    score: float | None,
    confidence: float,
    colours: NDArray[np.uint8],
) -> ImageCard:
    record = split.images[row]
    photo = read_picture(split.path(row), record)
    truth = paint_mask(record, split.labels, split.overlap, split.ignore_index)
    prediction = argmax_labels(store.read(row))
    known = truth != split.ignore_index
    size = fitted(truth.shape, _SIDE)
    every = np.ones_like(known)
    shown_truth = np.where(known, truth, np.uint8(0))
    counts = confusion(truth[known], prediction[known], len(colours))
    return ImageCard(
        name=record.file_name,
        score=score,
        confidence=float(confidence),
        width=size[1],
        height=size[0],
        photo=data_uri(photo_jpeg(photo, size, _PHOTO_BYTES), "jpeg"),
        truth=data_uri(labels_png(shown_truth, known, colours, size, _LAYER_BYTES), "png"),
        prediction=data_uri(labels_png(prediction, every, colours, size, _LAYER_BYTES), "png"),
        errors=data_uri(errors_png(truth == prediction, known, size, _LAYER_BYTES), "png"),
        labels=tuple(np.flatnonzero(counts.sum(0) + counts.sum(1)).tolist()),
        mix_ups=_mix_ups(counts),
    )


def _mix_ups(counts: NDArray[np.int64]) -> tuple[tuple[int, int, float], ...]:
    wrong = counts * ~np.eye(len(counts), dtype=np.bool_)
    total = max(int(counts.sum()), 1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MIX_UPS]
    found = []
    for code in order.tolist():
        true, predicted = divmod(code, len(counts))
        share = int(wrong[true, predicted]) / total
        if share >= _LEAST_SHARE:
            found.append((true, predicted, share))
    return tuple(found)
