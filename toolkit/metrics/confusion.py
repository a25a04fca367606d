"""Counting the pairs of true and predicted labels of every image; nothing else counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.metrics.boundary import boundary_width, near_boundary
from toolkit.metrics.counts import count_keys

_IGNORED_KEY = 255


@dataclass(frozen=True)
class Counting:
    """How the pixels of images are counted for the metrics that score them.

    Attributes:
        n_classes: number of labels, background included; 1…256.
        ignore_index: true label of pixels that are not counted; may lie outside the classes.
        boundary: None, or the share of an image's diagonal that is the width of a boundary: counts
            are then divided by which labels are near the boundary of their class: neither, the
            prediction, the truth, both.
    """

    n_classes: int
    ignore_index: int
    boundary: float | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the counts of an image: (C, C), or (4, C, C) with a boundary."""
        matrix = self.n_classes, self.n_classes
        return matrix if self.boundary is None else (4, *matrix)

    def zeros(self, *counts: int) -> NDArray[np.int64]:
        """Return counts of no pixel, int64 (*counts, *shape)."""
        return np.zeros((*counts, *self.shape), np.int64)

    def __call__(
        self, prediction: NDArray[np.uint8], target: NDArray[np.uint8]
    ) -> NDArray[np.int64]:
        """Return the counts of an image, int64 `shape`; rows are truths, columns predictions.

        Args:
            prediction: uint8 labels (H, W).
            target: uint8 true labels (H, W).

        Raises:
            TrashError: as `count_image`.
        """
        whole = count_image(prediction, target, self.n_classes, self.ignore_index)
        if self.boundary is None:
            return whole
        ignored = target == self.ignore_index
        width = boundary_width(target.shape, self.boundary)
        near = near_boundary(prediction, width).view(np.uint8)
        near += 2 * near_boundary(target, width, ignored).view(np.uint8)
        # Most pixels are near no boundary: only the others are counted once more.
        counted = np.flatnonzero((near > 0) & ~ignored)
        keys = near.ravel()[counted].astype(np.uint32)
        for labels in (target, prediction):
            keys *= self.n_classes
            keys += labels.ravel()[counted]
        found = count_keys(keys, 4 * self.n_classes**2).reshape(self.shape)
        found[0] = whole - found.sum(0)
        return found


def count_image(
    prediction: NDArray[np.uint8], target: NDArray[np.uint8], n_classes: int, ignore_index: int
) -> NDArray[np.int64]:
    """Return how many pixels of an image have each pair of true and predicted label, int64 (C, C).

    Rows are truths, columns are predictions. All scores, intervals and tests derive from the stack
    of these counts, one for every image; their sum is the confusion matrix of the set.

    Args:
        prediction: uint8 labels of any shape, (H, W) for example.
        target: uint8 true labels of the same shape.
        n_classes: number of labels, background included; 1…256.
        ignore_index: true label of pixels that are not counted; may lie outside the classes.

    Raises:
        TrashError: other type, different shapes, or a label outside the classes.
    """
    if not 1 <= n_classes <= 256:
        raise ValueError(f"n_classes must be 1…256, got {n_classes}")
    for name, labels in (("prediction", prediction), ("target", target)):
        if labels.dtype != np.uint8:
            raise TrashError(f"{name} labels must be uint8, got {labels.dtype}")
    if prediction.shape != target.shape:
        raise TrashError(
            f"prediction and target differ in shape: {prediction.shape} and {target.shape}"
        )
    if prediction.size == 0:
        return np.zeros((n_classes, n_classes), np.int64)
    _refuse_outside("prediction", int(prediction.max()), n_classes)
    ignored = target == ignore_index
    any_ignored = bool(ignored.any())
    if any_ignored:
        target = np.where(ignored, np.uint8(0), target)
    _refuse_outside("target", int(target.max()), n_classes)
    keys = pair_keys(target, prediction, n_classes, spare=int(any_ignored))
    if any_ignored and keys.dtype == np.uint8:
        keys[ignored] = _IGNORED_KEY
    elif any_ignored:
        keys = keys[~ignored]
    return count_pairs(keys, n_classes)


def _refuse_outside(name: str, largest: int, n_classes: int) -> None:
    if largest >= n_classes:
        raise TrashError(
            f"{name} holds label {largest}, outside the {n_classes} classes (0…{n_classes - 1})"
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
