"""Counting the pairs of true and predicted labels, and the scores that derive from these counts.

Nothing else in the toolkit counts pairs or computes an intersection over union.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.metrics.counts import count_keys

_IGNORED_KEY = 255


class ConfusionMatrix:
    """Pixel counts of every (target, prediction) pair of labels, over as many images as are given.

    Args:
        n_classes: number of labels, background included; 1…256.
        ignore_index: target label of pixels that are not counted; may lie outside the classes.

    Attributes:
        matrix: int64 (n_classes, n_classes); rows are targets, columns are predictions.
    """

    def __init__(self, n_classes: int, ignore_index: int) -> None:
        if not 1 <= n_classes <= 256:
            raise ValueError(f"n_classes must be 1…256, got {n_classes}")
        self.n_classes = n_classes
        self.ignore_index = ignore_index
        self.matrix: NDArray[np.int64] = np.zeros((n_classes, n_classes), np.int64)

    def update(self, prediction: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
        """Count the pixels of uint8 arrays of one shape, such as (H, W) or (B, H, W).

        Raises:
            TrashError: other type, different shapes, or a label outside the classes.
        """
        for name, labels in (("prediction", prediction), ("target", target)):
            if labels.dtype != np.uint8:
                raise TrashError(f"{name} labels must be uint8, got {labels.dtype}")
        if prediction.shape != target.shape:
            raise TrashError(
                f"prediction and target differ in shape: {prediction.shape} and {target.shape}"
            )
        if prediction.size == 0:
            return
        self._refuse_outside("prediction", int(prediction.max()))
        ignored = target == self.ignore_index
        any_ignored = bool(ignored.any())
        if any_ignored:
            target = np.where(ignored, np.uint8(0), target)
        self._refuse_outside("target", int(target.max()))
        keys = pair_keys(target, prediction, self.n_classes, spare=int(any_ignored))
        if any_ignored and keys.dtype == np.uint8:
            keys[ignored] = _IGNORED_KEY
        elif any_ignored:
            keys = keys[~ignored]
        self.matrix += count_pairs(keys, self.n_classes)

    def merge(self, other: Self) -> None:
        """Add the counts of another matrix of the same classes."""
        if other.n_classes != self.n_classes:
            raise TrashError(
                f"cannot merge confusion matrices of {self.n_classes} and {other.n_classes} classes"
            )
        self.matrix += other.matrix

    def _refuse_outside(self, name: str, largest: int) -> None:
        if largest >= self.n_classes:
            raise TrashError(
                f"{name} holds label {largest}, outside the {self.n_classes} classes "
                f"(0…{self.n_classes - 1})"
            )


def confusion(
    target: NDArray[np.uint8], prediction: NDArray[np.uint8], n_classes: int
) -> NDArray[np.int64]:
    """Return the counts, int64 (C, C), rows targets, of labels known to be below `n_classes`."""
    return count_pairs(pair_keys(target, prediction, n_classes), n_classes)


def pair_keys(
    target: NDArray[np.uint8], prediction: NDArray[np.uint8], n_classes: int, *, spare: int = 0
) -> NDArray[Any]:
    """Return one number for each pair of labels, all below `n_classes`, in the shape of the labels.

    They are uint8, several times faster to count, where that holds all pairs and `spare` values
    more, else uint16.
    """
    key_type: Any = np.uint8 if n_classes**2 + spare <= 256 else np.uint16
    keys = target.astype(key_type)
    keys *= n_classes
    keys += prediction
    return keys


def count_pairs(keys: NDArray[Any], n_classes: int) -> NDArray[np.int64]:
    """Return how often each pair of `pair_keys` occurs, int64 (C, C), rows targets.

    Keys that stand for no pair are not counted.
    """
    n_pairs = n_classes**2
    return count_keys(keys, n_pairs)[:n_pairs].reshape(n_classes, n_classes)


@dataclass(frozen=True)
class Scores:
    """Scores of one set of images; every figure lies in 0…1.

    Attributes:
        mean_iou: mean of `iou` over the classes that have one, background included: the contest's
            mIoU.
        iou: intersection over union per label; None where neither target nor prediction has the
            class, 0 where only the prediction has it.
        accuracy: share of the pixels that are right.
        mean_class_accuracy: mean over the target's classes of the share that is right.
        foreground_iou: IoU of "any class" against background; None without any foreground.
    """

    mean_iou: float
    iou: tuple[float | None, ...]
    accuracy: float
    mean_class_accuracy: float
    foreground_iou: float | None


def scores(matrix: NDArray[Any]) -> Scores:
    """Return the scores of an integer (C, C) confusion matrix, rows targets, columns predictions.

    Raises:
        TrashError: no pixel was counted, so there is no score.
    """
    total = int(matrix.sum())
    if total == 0:
        raise TrashError("no pixel to score: there are no images, or every pixel is ignored")
    right = np.diagonal(matrix)
    iou = [None if np.isnan(each) else float(each) for each in class_ious(matrix)]
    recalls = [_ratio(r, t) for r, t in zip(right, matrix.sum(1), strict=True)]
    return Scores(
        mean_iou=_mean(iou),
        iou=tuple(iou),
        accuracy=int(right.sum()) / total,
        mean_class_accuracy=_mean(recalls),
        foreground_iou=_ratio(matrix[1:, 1:].sum(), total - matrix[0, 0]),
    )


def _ratio(part: np.integer[Any], whole: np.integer[Any]) -> float | None:
    return int(part) / int(whole) if whole else None


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


def class_ious(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Return the IoU of every class of many confusion matrices, intersection over union of pixels.

    Args:
        matrices: counts (..., C, C), rows targets, columns predictions.

    Returns:
        float64 (..., C), 0…1; NaN for a class that neither target nor prediction has.
    """
    right = np.diagonal(matrices, axis1=-2, axis2=-1).astype(np.float64)
    unions = matrices.sum(-1) + matrices.sum(-2) - right
    nothing = np.full(right.shape, np.nan)
    return np.asarray(np.divide(right, unions, out=nothing, where=unions > 0))


def mean_ious(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mIoU of each of many confusion matrices.

    `scores` of each has the same but for the last bit: it adds up the classes one after another.

    Args:
        matrices: counts (..., C, C), rows targets, columns predictions.

    Returns:
        float64 (...), 0…1; NaN for a matrix without a pixel.
    """
    iou = class_ious(matrices)
    known = ~np.isnan(iou)
    counted = known.sum(-1)
    nothing = np.full(counted.shape, np.nan)
    total = np.where(known, iou, 0).sum(-1)
    return np.asarray(np.divide(total, counted, out=nothing, where=counted > 0))
