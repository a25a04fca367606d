"""Stacking: a multinomial logistic regression on the members' log-probabilities, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.ensemble.combiners import FLOOR
from toolkit.errors import UsageError
from toolkit.wording import counted

Map = NDArray[np.float32]


class Stacking:
    """Softmax over the classes of bias + Σ over members of weights · log-probabilities.

    With weights 1 / members and no bias it is the geometric mean.

    Args:
        weights: (members, C), or (members, C, C) with rows of the class that is scored.
        bias: (C,).
        n_classes: C.

    Attributes:
        weights: as given, float32.
        bias: as given, float32.

    Raises:
        UsageError: other shapes; when called, another number of members than of weights.
    """

    def __init__(
        self,
        weights: Sequence[Any] | NDArray[Any],
        bias: Sequence[float] | NDArray[Any],
        n_classes: int,
    ) -> None:
        try:
            self.weights = np.asarray(weights, np.float32)
        except ValueError:  # rows of different lengths
            self.weights = np.empty(0, np.float32)
        shape = self.weights.shape
        if len(shape) not in (2, 3) or any(length != n_classes for length in shape[1:]):
            raise UsageError(
                f"stacking: weights must hold {n_classes} numbers per member, or {n_classes} rows "
                f"of {n_classes}",
                "Use the file that trash ensemble search wrote.",
                parameter="weights",
            )
        if len(bias) != n_classes:
            raise UsageError(
                f"stacking: bias has {counted(len(bias), 'number', 'numbers')} for {n_classes} "
                "classes",
                parameter="bias",
            )
        self.bias = np.asarray(bias, np.float32)

    def __call__(self, maps: Iterable[Map]) -> Map:
        """float32 (C, H, W) per member -> float32 (C, H, W)."""
        (scores,) = stacked_scores([self], maps)
        scores -= scores.max(axis=0)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=0)
        return scores

    def weighted(self, member: int, logs: Map) -> Map:
        """Return what a member adds to the scores, (C, H, W), from its log-probabilities."""
        weights = self.weights[member]
        if weights.ndim == 1:
            return np.asarray(logs * weights[:, None, None])
        return np.asarray(np.einsum("ck,khw->chw", weights, logs, optimize=True))


def stacked_scores(stackings: Sequence[Stacking], maps: Iterable[Map]) -> list[Map]:
    """Return the scores of one image by each of several fits, before the softmax.

    Each map is read once and its logarithm taken once; only sums are kept, whatever the members.

    Args:
        stackings: of the same members.
        maps: float32 (C, H, W) per member.

    Raises:
        UsageError: another number of members than of weights.
    """
    n_members = len(stackings[0].weights)
    sums: list[Map] = []
    count = 0
    for count, each in enumerate(maps, start=1):
        if count > n_members:
            continue
        logs = np.log(np.maximum(each, np.float32(FLOOR)))
        added = (stacking.weighted(count - 1, logs) for stacking in stackings)
        if not sums:
            sums = [
                own + stacking.bias[:, None, None]
                for own, stacking in zip(added, stackings, strict=True)
            ]
            continue
        for total, own in zip(sums, added, strict=True):
            total += own
    if count != n_members:
        raise UsageError(
            f"{counted(count, 'member', 'members')}, but stacking was fitted to {n_members}",
            "Name the members that it was fitted to, in the same order.",
        )
    return sums
