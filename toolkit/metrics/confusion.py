"""One confusion matrix over a whole set; every score derives from it."""

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
        n_pairs = self.n_classes**2
        # uint8 keys are several times faster to count; ignored pixels need a value of their own.
        small = n_pairs + any_ignored <= 256
        key_type: Any = np.uint8 if small else np.uint16
        keys = target.astype(key_type)
        keys *= self.n_classes
        keys += prediction
        if any_ignored and small:
            keys[ignored] = _IGNORED_KEY
        elif any_ignored:
            keys = keys[~ignored]
        self.matrix += count_keys(keys)[:n_pairs].reshape(self.matrix.shape)

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
    right = np.diagonal(matrix).astype(np.int64)
    targets = matrix.sum(1)
    unions = targets + matrix.sum(0) - right
    iou = [_ratio(r, u) for r, u in zip(right, unions, strict=True)]
    recalls = [_ratio(r, t) for r, t in zip(right, targets, strict=True)]
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


def mean_ious(matrices: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mIoU of each of many confusion matrices, as `scores` of each would say it.

    Args:
        matrices: counts (..., C, C), rows targets, columns predictions.

    Returns:
        float64 (...), 0…1; NaN for a matrix without a pixel.
    """
    right = np.diagonal(matrices, axis1=-2, axis2=-1).astype(np.float64)
    unions = matrices.sum(-1) + matrices.sum(-2) - right
    known = unions > 0
    iou = np.divide(right, unions, out=np.zeros_like(right), where=known)
    counted = known.sum(-1)
    nothing = np.full(counted.shape, np.nan)
    return np.asarray(np.divide(iou.sum(-1), counted, out=nothing, where=counted > 0))
