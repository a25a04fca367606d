"""Losses that compare regions: soft counts per class, over the whole batch.

A class that is absent from the target counts: with nothing predicted of it, it is perfect.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from toolkit.builtins.losses.prediction import MaskedLogits


@dataclass(frozen=True)
class Counts:
    """Soft counts of pixels per class, (C,) or (C, W).

    Attributes:
        tp: Σ p over the pixels of the class.
        fp: Σ p over the pixels of other classes (false positives).
        fn: Σ (1 − p) over the pixels of the class (false negatives).
    """

    tp: Tensor
    fp: Tensor
    fn: Tensor

    @classmethod
    def of(cls, prediction: MaskedLogits, by_column: bool = False) -> Counts:
        """Count over the batch and both spatial axes, or per image column."""
        sums = [prediction.overlap, prediction.predicted, prediction.present]
        if not by_column:
            sums = [item.sum(dim=1) for item in sums]
        tp, predicted, present = sums
        return cls(tp, predicted - tp, present - tp)

    def tversky_error(self, alpha: float, beta: float, smooth: float) -> Tensor:
        """Return 1 − Tversky index of each class; exactly 0 where there is nothing to count."""
        error = alpha * self.fp + beta * self.fn
        return error / (self.tp + error + smooth)


class Tversky:
    """1 − mean of (TP + smooth) / (TP + alpha FP + beta FN + smooth) (Salehi, arXiv:1706.05721).

    Args:
        alpha: cost of what is predicted wrongly (false positives).
        beta: cost of what is missed (false negatives).
        smooth: added above and below; larger values soften the loss of small regions.
        legacy: count per class and image column and average over both, as the original solution
            did. It dilutes errors: most columns of most classes are empty, and perfect.
    """

    def __init__(self, alpha: float, beta: float, smooth: float, legacy: bool = False) -> None:
        self._alpha = alpha
        self._beta = beta
        self._smooth = smooth
        self._legacy = legacy

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        counts = Counts.of(prediction, by_column=self._legacy)
        errors = counts.tversky_error(self._alpha, self._beta, self._smooth)
        if not self._legacy:
            return errors.mean()
        columns = prediction.valid.amax(dim=(0, 1)).sum().clamp(min=1)
        return errors.sum() / (columns * prediction.n_classes)


def dice(smooth: float = 1.0, legacy: bool = False) -> Tversky:
    """1 − mean of (2 Σpg + smooth) / (Σp + Σg + smooth) (Milletari et al., arXiv:1606.04797)."""
    return Tversky(0.5, 0.5, smooth / 2, legacy)


def iou(smooth: float = 1.0, legacy: bool = False) -> Tversky:
    """1 − mean of (Σpg + smooth) / (Σp + Σg − Σpg + smooth) (Rahman & Wang, ISVC 2016)."""
    return Tversky(1.0, 1.0, smooth, legacy)


class FocalTversky:
    """Mean over classes of (1 − Tversky index)^gamma (Abraham & Khan, arXiv:1810.07842).

    Their exponent is written 1/γ with γ = 4/3.

    Args:
        alpha: cost of what is predicted wrongly (false positives).
        beta: cost of what is missed (false negatives).
        gamma: below 1 it turns up classes that are almost right, above 1 those that are not.
        smooth: as in `Tversky`.
    """

    _FLOOR = 1e-7
    """Errors that float32 cannot tell from 0; x^gamma has no slope there."""

    def __init__(self, alpha: float, beta: float, gamma: float, smooth: float) -> None:
        self._alpha = alpha
        self._beta = beta
        self._gamma = gamma
        self._smooth = smooth

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        errors = Counts.of(prediction).tversky_error(self._alpha, self._beta, self._smooth)
        raised = errors.clamp(min=self._FLOOR) ** self._gamma
        return torch.where(errors > self._FLOOR, raised, 0.0).mean()


class SensitivitySpecificity:
    """Weighted mean of the shares of pixels that are missed and that are wrongly predicted.

    1 − mean of s · (TP + smooth) / (TP + FN + smooth) + (1 − s) · (TN + smooth) / (TN + FP +
    smooth); the weighing of Brosch et al. (MICCAI 2015) with soft counts for squared errors.

    Args:
        sensitivity: s, weight of the missed ones, 0…1.
        smooth: added above and below.
    """

    def __init__(self, sensitivity: float, smooth: float) -> None:
        self._sensitivity = sensitivity
        self._smooth = smooth

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        counts = Counts.of(prediction)
        present = prediction.present.sum(dim=1)
        elsewhere = prediction.valid.sum() - present
        fn = counts.fn / (present + self._smooth)
        fp = counts.fp / (elsewhere + self._smooth)
        return (self._sensitivity * fn + (1 - self._sensitivity) * fp).mean()


class LogCoshDice:
    """log cosh of the Dice loss, flat where that is nearly 0 (Jadon, arXiv:2006.14822).

    Args:
        smooth: of Dice.
    """

    def __init__(self, smooth: float = 1.0) -> None:
        self._dice = dice(smooth)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        return self._dice(prediction).cosh().log()
