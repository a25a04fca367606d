"""Losses that weigh errors by their distance to the borders of the target.

Distances are shares of the image's diagonal, so that a weight found at one resolution holds at
another. A label that an image lacks, or that fills it, has no border there and costs nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.builtins.losses.distances import SignedDistances
from toolkit.builtins.losses.prediction import MaskedLogits


class Boundary:
    """Boundary loss: mean over pixels of Σ φp, φ the signed distance to the border of each label.

    φ is negative inside, so the value is negative for a good prediction (Kervadec et al.,
    arXiv:1812.07032). The labels are summed, not averaged: the value is the mean distance that the
    prediction lies outside the target.
    """

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        distances = SignedDistances(prediction.labels, prediction.valid)
        regions = _Regions(distances.pairs, prediction)
        return regions.mean(regions.probabilities * distances.stack(distances.pairs))


class Hausdorff:
    """Mean over pixels of Σ (p − g)² · (dₜ^alpha + dₚ^alpha), which bounds the Hausdorff distance.

    dₜ is the distance to the border of the label in the target, dₚ to that in the predicted label
    map (Karimi & Salcudean, arXiv:1904.10030, with distance transforms). Both are measured, not
    learnt: the gradient runs through p alone. The value is small: a wrong pixel a tenth of the
    diagonal away from both borders costs .02 at alpha = 2.

    Args:
        alpha: how strongly distant errors cost more; above 0.
    """

    def __init__(self, alpha: float = 2.0) -> None:
        self._alpha = alpha

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        chosen = prediction.log_probabilities.detach().max(dim=1).indices
        target = SignedDistances(prediction.labels, prediction.valid)
        predicted = SignedDistances(chosen, prediction.valid)
        regions = _Regions(target.pairs, prediction)
        distance = (
            target.stack(target.pairs).abs() ** self._alpha
            + predicted.stack(target.pairs).abs() ** self._alpha
        )
        return regions.mean((regions.probabilities - regions.truth) ** 2 * distance)


class _Regions:
    """The probabilities of some labels in some images.

    Args:
        pairs: (image, label) of each.
        prediction: of the batch.
    """

    def __init__(self, pairs: tuple[tuple[int, int], ...], prediction: MaskedLogits) -> None:
        self._prediction = prediction
        where = torch.tensor(pairs, dtype=torch.int64, device=prediction.labels.device)
        self._images, self._labels = where.reshape(-1, 2).unbind(dim=1)

    @property
    def probabilities(self) -> Tensor:
        """(pairs, H, W)."""
        flat = self._prediction.probabilities.flatten(0, 1)
        return flat.index_select(0, self._images * self._prediction.n_classes + self._labels)

    @property
    def truth(self) -> Tensor:
        """(pairs, H, W): 1 where the pixel has the label, else 0."""
        own = self._prediction.labels[self._images] == self._labels[:, None, None]
        return own.to(self._prediction.valid)

    def mean(self, costs: Tensor) -> Tensor:
        """Sum (pairs, H, W) over the pairs, average over the pixels that count."""
        total = (costs * self._prediction.valid[self._images]).sum()
        return total / self._prediction.valid.sum().clamp(min=1)
