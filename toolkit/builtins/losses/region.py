"""Losses that compare regions: overlaps per class, over the whole batch."""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.builtins.losses.prediction import Prediction


class Dice:
    """1 − mean over classes of (2 Σpg + smooth) / (Σp + Σg + smooth) (Milletari, arXiv:1606.04797).

    Sums run over the batch and both spatial axes. A class that is absent from the target counts:
    with nothing predicted its Dice is 1.

    Args:
        smooth: added above and below; larger values soften the loss of small regions.
    """

    def __init__(self, smooth: float = 1.0) -> None:
        self._smooth = smooth

    def __call__(self, prediction: Prediction) -> Tensor:
        overlap = prediction.sum_by_class(prediction.log_probability_of_label.exp())
        target = prediction.sum_by_class(torch.ones_like(prediction.valid))
        predicted = (prediction.probabilities * prediction.valid.unsqueeze(1)).sum(dim=(0, 2, 3))
        dice = (2 * overlap + self._smooth) / (predicted + target + self._smooth)
        return 1 - dice.mean()
