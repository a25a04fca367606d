"""Stacking: a multinomial logistic regression on the members' log-probabilities, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.combiners import FLOOR
from toolkit.errors import UsageError

Map = NDArray[np.float32]


class Stacking:
    """Softmax over the classes of bias + Σ over members of weights · log-probabilities.

    With weights 1 / members and no bias it is the geometric mean.

    Args:
        weights: (members, C), or (members, C, C) with rows of the class that is scored.
        bias: (C,).
        n_classes: C.

    Raises:
        UsageError: other shapes; when called, another number of members than of weights.
    """

    def __init__(self, weights: Sequence[Any], bias: Sequence[float], n_classes: int) -> None:
        try:
            self._weights = np.asarray(weights, np.float32)
        except ValueError:  # rows of different lengths
            self._weights = np.empty(0, np.float32)
        shape = self._weights.shape
        if len(shape) not in (2, 3) or any(length != n_classes for length in shape[1:]):
            raise UsageError(
                f"stacking: weights must hold {n_classes} numbers per member, or {n_classes} rows of "
                f"{n_classes}",
                "Use the file that trash ensemble search wrote.",
                parameter="weights",
            )
        if len(bias) != n_classes:
            raise UsageError(
                f"stacking: bias has {len(bias)} numbers for {n_classes} classes", parameter="bias"
            )
        self._bias = np.asarray(bias, np.float32)

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        scores: Map | None = None
        count = 0
        for count, each in enumerate(maps, start=1):
            if count > len(self._weights):
                continue
            weights = self._weights[count - 1]
            logs = np.log(np.maximum(each, np.float32(FLOOR)))
            if weights.ndim == 1:
                logs *= weights[:, None, None]
            else:
                logs = np.einsum("ck,khw->chw", weights, logs, optimize=True)
            if scores is None:
                scores = logs + self._bias[:, None, None]
            else:
                scores += logs
        if scores is None or count != len(self._weights):
            raise UsageError(
                f"{count} members, but stacking was fitted to {len(self._weights)}",
                "Name the members that it was fitted to, in the same order.",
            )
        scores -= scores.max(axis=0)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=0)
        return scores
