"""Losses that are a mean over pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.builtins.losses.prediction import Prediction


class CrossEntropy:
    """Cross entropy; weighted mean over pixels as in `torch.nn.CrossEntropyLoss`.

    Args:
        weights: one weight per class, or None.
        label_smoothing: share of the target that is spread evenly over all classes, 0…1.
    """

    def __init__(self, weights: list[float] | None = None, label_smoothing: float = 0.0) -> None:
        self._weights = None if weights is None else torch.tensor(weights)
        self._label_smoothing = label_smoothing

    def __call__(self, prediction: Prediction) -> Tensor:
        weights = None if self._weights is None else self._weights.to(prediction.valid)
        weight = None if weights is None else weights[prediction.labels]
        loss = -prediction.mean(prediction.log_probability_of_label, weight)
        if not self._label_smoothing:
            return loss
        spread = _spread(prediction, weights)
        return (1 - self._label_smoothing) * loss + self._label_smoothing * spread


def _spread(prediction: Prediction, weights: Tensor | None) -> Tensor:
    """Cross entropy against all classes at once, as `torch.nn.CrossEntropyLoss` weighs it."""
    if weights is None:
        return -prediction.mean(prediction.log_probabilities.mean(dim=1))
    all_classes = torch.einsum("bchw,c->bhw", prediction.log_probabilities, weights)
    # The class weights are inside already, so the pixels only divide by theirs.
    total = (weights[prediction.labels] * prediction.valid).sum()
    total = torch.where(total > 0, total, torch.ones_like(total))
    return -(all_classes * prediction.valid).sum() / (total * prediction.n_classes)


class Focal:
    """Focal loss, mean of alpha · (1 − p)^gamma · −log p (Lin et al., arXiv:1708.02002).

    p is the probability of the pixel's label; unlike the original solution's, it is not changed by
    class weights, which only weigh the mean.

    Args:
        alpha: factor of the whole.
        gamma: how much pixels that are already right are turned down; at least 0.
        weights: one weight per class, or None.
    """

    def __init__(self, alpha: float, gamma: float, weights: list[float] | None = None) -> None:
        self._alpha = alpha
        self._gamma = gamma
        self._weights = None if weights is None else torch.tensor(weights)

    def __call__(self, prediction: Prediction) -> Tensor:
        log_p = prediction.log_probability_of_label
        # 1 - p without cancellation; the floor keeps the slope of x^gamma finite at p = 1.
        missed = (-torch.expm1(log_p)).clamp(min=1e-8)
        weight = None
        if self._weights is not None:
            weight = self._weights.to(prediction.valid)[prediction.labels]
        return self._alpha * prediction.mean(-(missed**self._gamma) * log_p, weight)
