"""Lovász-softmax: a surrogate of 1 − IoU whose gradient follows the order of the errors.

segmentation-models-pytorch has one, but it returns no number for images without counted pixels and
cannot compute in float64; its weights are differences of nearly equal float32 numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.builtins.losses.prediction import MaskedLogits


class Lovasz:
    """Mean over the labels that are there of the Lovász extension of 1 − IoU.

    From Berman et al., arXiv:1705.08790.

    Args:
        per_image: compute per image and average, instead of over the batch at once.
    """

    def __init__(self, per_image: bool = False) -> None:
        self._per_image = per_image

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        # (groups, pixels) and (groups, C, pixels): a group is the batch or an image.
        probabilities = prediction.probabilities.flatten(2)
        labels, counted = prediction.labels.flatten(1), prediction.valid.flatten(1) > 0
        if self._per_image:
            costs = [
                _mean_over_labels(p[:, kept], own[kept])
                for p, own, kept in zip(probabilities, labels, counted, strict=True)
                if kept.any()
            ]
        else:
            costs = [_mean_over_labels(probabilities.movedim(1, 0)[:, counted], labels[counted])]
        return torch.stack(costs).mean() if costs else probabilities.sum() * 0


def _mean_over_labels(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Average over the labels in (N,); probabilities are (C, N)."""
    if not len(labels):
        return probabilities.sum()
    costs = []
    for label in torch.unique(labels).tolist():
        foreground = labels == label
        errors = (foreground.to(probabilities) - probabilities[label]).abs()
        costs.append(_extension(errors, foreground))
    return torch.stack(costs).mean()


def _extension(errors: Tensor, foreground: Tensor) -> Tensor:
    """Return Σ errors · steps, in falling order of the errors, both (N,).

    A step is how much 1 − IoU grows when one more pixel, the next in that order, is wrong.
    """
    errors, order = errors.sort(descending=True)
    inside = foreground[order]
    wrong_inside = inside.cumsum(0)
    total = wrong_inside[-1]
    left = total - wrong_inside
    union = total + (~inside).cumsum(0)
    # In closed form: the difference of two such numbers has no digits left among many pixels.
    outside = left.to(errors) / union / (union - 1).clamp(min=1)
    steps = torch.where(inside, 1 / union.to(errors), outside)
    return (errors * steps).sum()
