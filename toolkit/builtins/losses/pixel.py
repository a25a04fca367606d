"""Losses that are a mean over pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from toolkit.builtins.losses.distances import boundary_distances
from toolkit.builtins.losses.prediction import MaskedLogits, one_hot


class PixelWeights:
    """The weight of every pixel: that of its label.

    Args:
        weights: one weight per class, or None when all weigh the same.
    """

    def __init__(self, weights: list[float] | None) -> None:
        self._weights = None if weights is None else torch.tensor(weights)

    def per_class(self, prediction: MaskedLogits) -> Tensor | None:
        """Return (C,), in the type and on the device of the prediction, or None."""
        return None if self._weights is None else self._weights.to(prediction.valid)

    def __call__(self, prediction: MaskedLogits) -> Tensor | None:
        """Return (B, H, W), or None when all pixels weigh the same."""
        weights = self.per_class(prediction)
        return None if weights is None else weights[prediction.labels]


class CrossEntropy:
    """Cross entropy; weighted mean over pixels as in `torch.nn.CrossEntropyLoss`.

    Args:
        weights: one weight per class, or None.
        label_smoothing: share of the target that is spread evenly over all classes, 0…1.
    """

    def __init__(self, weights: list[float] | None = None, label_smoothing: float = 0.0) -> None:
        self._weights = PixelWeights(weights)
        self._label_smoothing = label_smoothing

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        weight = self._weights(prediction)
        loss = -prediction.mean(prediction.log_probability_of_label, weight)
        if not self._label_smoothing:
            return loss
        spread = self._spread(prediction, weight)
        return (1 - self._label_smoothing) * loss + self._label_smoothing * spread

    def _spread(self, prediction: MaskedLogits, weight: Tensor | None) -> Tensor:
        """Cross entropy against all classes at once, as `torch.nn.CrossEntropyLoss` weighs it."""
        weights = self._weights.per_class(prediction)
        if weights is None or weight is None:
            return -prediction.mean(prediction.log_probabilities.mean(dim=1))
        all_classes = torch.einsum("bchw,c->bhw", prediction.log_probabilities, weights)
        # The class weights are inside already, so the pixels only divide by theirs.
        total = (weight * prediction.valid).sum()
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
        self._weights = PixelWeights(weights)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        log_p = prediction.log_probability_of_label
        # 1 - p without cancellation; the floor keeps the slope of x^gamma finite at p = 1.
        missed = (-torch.expm1(log_p)).clamp(min=1e-8)
        weight = self._weights(prediction)
        return self._alpha * prediction.mean(-(missed**self._gamma) * log_p, weight)


class BinaryCrossEntropy:
    """Binary cross entropy of every class against the rest, mean over pixels and classes.

    Each class has its own sigmoid on its logit; the softmax plays no part. Class weights weigh the
    problems of the classes against each other.

    Args:
        weights: one weight per class, or None.
    """

    def __init__(self, weights: list[float] | None = None) -> None:
        self._weights = PixelWeights(weights)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        weights = self._weights.per_class(prediction)
        if weights is None:
            weights = prediction.valid.new_ones(prediction.n_classes)
        costs = functional.binary_cross_entropy_with_logits(
            prediction.logits,
            one_hot(prediction.labels, prediction.logits),
            prediction.valid.unsqueeze(1) * weights[:, None, None],
            reduction="sum",
        )
        return costs / (prediction.valid.sum().clamp(min=1) * weights.sum())


class HardestCrossEntropy:
    """Cross entropy of the pixels whose label has the lowest probability, in the whole batch.

    Kept are those below `threshold`, or the hardest `share` when that is more: online hard example
    mining (Shrivastava et al., arXiv:1604.03540); with a threshold of 0, top-k (Wu et al.,
    arXiv:1605.06885). Class weights weigh the mean; pixels of weight 0 are never chosen.

    Args:
        share: least share of the counted pixels that is kept, 0…1.
        threshold: probability below which every pixel is kept, 0…1.
        weights: one weight per class, or None.
    """

    def __init__(self, share: float, threshold: float, weights: list[float] | None = None) -> None:
        self._share = share
        self._threshold = threshold
        self._weights = PixelWeights(weights)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        weight = self._weights(prediction)
        weight = prediction.valid if weight is None else prediction.valid * weight
        counted = weight > 0
        log_p, weight = prediction.log_probability_of_label[counted], weight[counted]
        kept = min(len(log_p), max(1, round(self._share * len(log_p))))
        if self._threshold:
            kept = max(kept, int((log_p < math.log(self._threshold)).sum()))
        hardest = log_p.topk(kept, largest=False, sorted=False)
        weight = weight[hardest.indices]
        total = weight.sum()
        total = torch.where(total > 0, total, torch.ones_like(total))
        return -(hardest.values * weight).sum() / total


class DistanceCrossEntropy:
    """Cross entropy times 1 + penalty · φ, where φ is high near the borders of the labels.

    φ = 1 − (d − 1) / (max d − 1), d the distance to the nearest pixel of another label: 1 beside a
    border, 0 at the pixel of the image that is farthest from any. It is the inverted distance map
    of Caliva et al. (arXiv:1908.03679), scaled to 0…1 so that it does not depend on the size of the
    image. An image of one label has no border: φ is 0.

    Args:
        penalty: factor of φ; 0 is the plain cross entropy.
        weights: one weight per class, or None.
    """

    def __init__(self, penalty: float, weights: list[float] | None = None) -> None:
        self._penalty = penalty
        self._weights = PixelWeights(weights)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        distance = boundary_distances(prediction.labels, prediction.valid)
        farthest = distance.amax(dim=(1, 2), keepdim=True)
        near = 1 - (distance - 1) / (farthest - 1).clamp(min=1)
        factor = 1 + self._penalty * torch.where(distance > 0, near, 0.0)
        cost = -factor * prediction.log_probability_of_label
        return prediction.mean(cost, self._weights(prediction))
