"""What the terms of a loss share: one log-softmax, the pixels that count, their labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from toolkit.plugin.interfaces import Loss


class Prediction:
    """Logits beside their target, in float32 (or float64 when the logits are).

    Args:
        logits: float (B, C, H, W).
        target: int64 (B, H, W), labels or `ignore_index`.
    """

    def __init__(self, logits: Tensor, target: Tensor, ignore_index: int) -> None:
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        valid = target != ignore_index
        self.n_classes = logits.shape[1]
        self.labels = torch.where(valid, target, 0)
        """int64 (B, H, W); ignored pixels are 0 here."""
        self.valid = valid.to(logits.dtype)
        """(B, H, W): 1 where a pixel counts, else 0."""
        self.log_probabilities = torch.log_softmax(logits, dim=1)

    @cached_property
    def probabilities(self) -> Tensor:
        """(B, C, H, W), sums to 1 over C."""
        return self.log_probabilities.exp()

    @cached_property
    def log_probability_of_label(self) -> Tensor:
        """(B, H, W): log-probability of each pixel's own label."""
        return self.log_probabilities.gather(1, self.labels.unsqueeze(1)).squeeze(1)

    def mean(self, per_pixel: Tensor, weight: Tensor | None = None) -> Tensor:
        """Average (B, H, W) over the pixels that count; 0 when there are none."""
        weight = self.valid if weight is None else self.valid * weight
        total = weight.sum()
        return (per_pixel * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))

    def sum_by_class(self, per_pixel: Tensor) -> Tensor:
        """Sum (B, H, W) over the pixels of each label: (C,)."""
        sums = per_pixel.new_zeros(self.n_classes)
        return sums.scatter_add(0, self.labels.flatten(), (per_pixel * self.valid).flatten())


class Term(Protocol):
    """A loss that works on a shared prediction."""

    def __call__(self, prediction: Prediction) -> Tensor: ...


class TermLoss:
    """The loss of one term."""

    def __init__(self, term: Term, ignore_index: int) -> None:
        self.term = term
        self._ignore_index = ignore_index

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        # Autocast would run the products of a loss in bf16.
        with torch.autocast(logits.device.type, enabled=False):
            return self.term(Prediction(logits, target, self._ignore_index))


class SumOfTerms:
    """Weighted sum of terms on one prediction."""

    def __init__(self, terms: Sequence[tuple[float, Term]]) -> None:
        self._terms = tuple(terms)

    def __call__(self, prediction: Prediction) -> Tensor:
        return torch.stack([weight * term(prediction) for weight, term in self._terms]).sum()


class SumOfLosses:
    """Weighted sum of losses; those that are terms share one prediction."""

    def __init__(self, losses: Sequence[tuple[float, Loss]], ignore_index: int) -> None:
        terms = [(weight, loss.term) for weight, loss in losses if isinstance(loss, TermLoss)]
        self._losses = [(w, loss) for w, loss in losses if not isinstance(loss, TermLoss)]
        if terms:
            self._losses.append((1.0, TermLoss(SumOfTerms(terms), ignore_index)))

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        return torch.stack([weight * loss(logits, target) for weight, loss in self._losses]).sum()
