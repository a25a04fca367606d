"""Figures of classes for pages: rows of a table, and the matrix of what is taken for what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.bootstrap import drawn_interval, image_draws, redrawn_scores
from toolkit.metrics.formulas import ClassMetric, all_pixels, class_ious, class_recalls
from toolkit.metrics.scores import Interval
from toolkit.report.thumbnails import class_colours

_MOST_CLASSES = 40
"""In a matrix; of more classes those with most pixels are shown."""


@dataclass(frozen=True)
class ClassFigures:
    """Figures of a class.

    Attributes:
        label: its label.
        name: its name.
        colour: as in CSS.
        iou: None where it is in neither truth nor prediction.
        interval: how sure the IoU is, from images drawn anew; None where it has none.
        pixels: that truly are of the class, among the known ones.
        share: of the known pixels.
        images: number of images that truly have it.
        missed_in: number of those in which no pixel of it is found.
        false_in: number of images that are predicted to have it and do not.
        recall: share of its true pixels that is predicted right.
        precision: share of the pixels predicted as it that is right.
        taken_for: (name of another class, share of its true pixels) that it is taken for most.
        really: (name of another class, share of the pixels predicted as it) that these are most.
    """

    label: int
    name: str
    colour: str
    iou: float | None
    interval: Interval | None
    pixels: int
    share: float
    images: int
    missed_in: int
    false_in: int
    recall: float | None
    precision: float | None
    taken_for: tuple[str, float] | None
    really: tuple[str, float] | None


def class_figures(counts: NDArray[np.int64], class_names: Sequence[str]) -> list[ClassFigures]:
    """Return the figures of every class.

    Args:
        counts: of every image, see `Counting`.
        class_names: index = label.
    """
    counts = all_pixels(counts)
    total = counts.sum(0)
    ious, recalls = class_ious(total), class_recalls(total)
    precisions = class_recalls(total.T)
    metric = ClassMetric(class_ious, np.ones(len(class_names)))
    _, drawn = redrawn_scores(metric, counts, image_draws(len(counts)))
    true, predicted = counts.sum(2), counts.sum(1)
    right = np.diagonal(counts, axis1=1, axis2=2)
    return [
        ClassFigures(
            label=label,
            name=name,
            colour=css_colour(label, len(class_names)),
            iou=known(ious[label]),
            interval=drawn_interval(drawn[:, label]) if len(counts) > 1 else None,
            pixels=int(total[label].sum()),
            share=float(total[label].sum() / max(total.sum(), 1)),
            images=int((true[:, label] > 0).sum()),
            missed_in=int(((true > 0) & (right == 0))[:, label].sum()),
            false_in=int(((predicted > 0) & (true == 0))[:, label].sum()),
            recall=known(recalls[label]),
            precision=known(precisions[label]),
            taken_for=_mostly(total[label], label, class_names),
            really=_mostly(total[:, label], label, class_names),
        )
        for label, name in enumerate(class_names)
    ]


def css_colour(label: int, n_classes: int) -> str:
    """Return the colour of a class as in CSS; background is clear."""
    if label == 0:
        return "transparent"
    return f"rgb({', '.join(map(str, class_colours(n_classes)[label].tolist()))})"


def known(value: float) -> float | None:
    """Return a figure, None for NaN."""
    return None if math.isnan(value) else float(value)


def _mostly(
    pixels: NDArray[np.int64], label: int, class_names: Sequence[str]
) -> tuple[str, float] | None:
    """Return the class that most of a class's wrong pixels belong to, and their share of all."""
    others = pixels.copy()
    others[label] = 0
    other = int(others.argmax())
    if not others[other]:
        return None
    return class_names[other], float(others[other] / pixels.sum())


@dataclass(frozen=True)
class MatrixCell:
    """What is shown of a pair of classes.

    Attributes:
        right: whether both are the same class.
        ways: (text, shade 0…1) as a share of the truth, of the prediction, and as pixels.
    """

    right: bool
    ways: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix to be shown; rows are truths.

    Attributes:
        labels: classes that are shown, with at least one pixel in truth or prediction.
        cells: (rows, columns).
        left_out: number of classes that are not shown for lack of room.
    """

    labels: tuple[int, ...]
    cells: tuple[tuple[MatrixCell, ...], ...]
    left_out: int


def matrix_of(counts: NDArray[np.int64]) -> Matrix:
    """Return the matrix of all images, of the classes that occur.

    Args:
        counts: of every image, see `Counting`.
    """
    total = all_pixels(counts).sum(0)
    weights = total.sum(0) + total.sum(1)
    occurring = np.flatnonzero(weights)
    chosen = occurring[np.argsort(-weights[occurring], kind="stable")[:_MOST_CLASSES]]
    labels = np.sort(chosen)
    of_truth = _shares(total, total.sum(1)[:, None])
    of_prediction = _shares(total, total.sum(0)[None])
    most = max(int(total.max()), 1)

    def cell(true: int, predicted: int) -> MatrixCell:
        pixels = int(total[true, predicted])
        shares = float(of_truth[true, predicted]), float(of_prediction[true, predicted])
        ways = [(_shown(share), round(share, 3)) for share in shares]
        return MatrixCell(true == predicted, (*ways, (f"{pixels:,}", round(pixels / most, 3))))

    shown = tuple(labels.tolist())
    rows = tuple(tuple(cell(true, predicted) for predicted in shown) for true in shown)
    return Matrix(shown, rows, len(occurring) - len(shown))


def _shares(total: NDArray[np.int64], wholes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(total, wholes, out=np.zeros(total.shape), where=wholes > 0))


def _shown(share: float) -> str:
    if share == 0:
        return "0"
    return "<.1" if share < 0.001 else f"{100 * share:.1f}"
