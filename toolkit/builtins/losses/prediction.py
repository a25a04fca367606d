"""What the terms of a loss share: one log-softmax, the pixels that count, their labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from toolkit.plugin.interfaces import Loss


class MaskedLogits:
    """Logits beside their target, in float32 (or float64 when the logits are).

    Args:
        logits: float (B, C, H, W).
        target: int64 (B, H, W), labels or `ignore_index`.
    """

    def __init__(self, logits: Tensor, target: Tensor, ignore_index: int) -> None:
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        valid = target != ignore_index
        self.n_classes = logits.shape[1]
        self.logits = logits
        """(B, C, H, W)."""
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

    @cached_property
    def overlap(self) -> Tensor:
        """(C, W): per class and image column, Σ p over the pixels that have this label."""
        return self._sum_by_label(self.log_probability_of_label.exp() * self.valid)

    @cached_property
    def predicted(self) -> Tensor:
        """(C, W): per class and image column, Σ p over the pixels that count."""
        return (self.probabilities * self.valid.unsqueeze(1)).sum(dim=2).sum(dim=0)

    @cached_property
    def present(self) -> Tensor:
        """(C, W): per class and image column, number of pixels that have this label."""
        return self._sum_by_label(self.valid)

    def mean(self, per_pixel: Tensor, weight: Tensor | None = None) -> Tensor:
        """Average (B, H, W) over the pixels that count; 0 when there are none."""
        weight = self.valid if weight is None else self.valid * weight
        total = weight.sum()
        return (per_pixel * weight).sum() / torch.where(total > 0, total, torch.ones_like(total))

    def _sum_by_label(self, per_pixel: Tensor) -> Tensor:
        # Column by column: float32 loses the digits of a sum over millions of pixels.
        batch, _, width = per_pixel.shape
        sums = per_pixel.new_zeros(batch, self.n_classes, width)
        return sums.scatter_add(1, self.labels, per_pixel).sum(dim=0)


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    """Return labels int64 (B, H, W) as 0 and 1 in the shape (B, C, H, W) and type of `like`."""
    return torch.zeros_like(like).scatter_(1, labels.unsqueeze(1), 1.0)


class Term(Protocol):
    """A loss that works on a shared prediction."""

    def __call__(self, prediction: MaskedLogits) -> Tensor: ...


class TermLoss:
    """The loss of one term."""

    def __init__(self, term: Term, ignore_index: int) -> None:
        self.term = term
        self._ignore_index = ignore_index

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        # Autocast would run the products of a loss in bf16.
        with torch.autocast(logits.device.type, enabled=False):
            return self.term(MaskedLogits(logits, target, self._ignore_index))


class SumOfTerms:
    """Weighted sum of terms on one prediction."""

    def __init__(self, terms: Sequence[tuple[float, Term]]) -> None:
        self._terms = tuple(terms)

    def __call__(self, prediction: MaskedLogits) -> Tensor:
        return torch.stack([weight * term(prediction) for weight, term in self._terms]).sum()


class SumOfLosses(torch.nn.Module):
    """Weighted sum of losses; those that are terms share one prediction.

    It is a module so that the caller moves the buffers of foreign losses to its device.
    """

    def __init__(self, losses: Sequence[tuple[float, Loss]], ignore_index: int) -> None:
        super().__init__()
        terms = [(weight, loss.term) for weight, loss in losses if isinstance(loss, TermLoss)]
        self._losses = [(w, loss) for w, loss in losses if not isinstance(loss, TermLoss)]
        self._foreign = torch.nn.ModuleList(
            loss for _, loss in self._losses if isinstance(loss, torch.nn.Module)
        )
        if terms:
            self._losses.append((1.0, TermLoss(SumOfTerms(terms), ignore_index)))

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Return the sum; see `Loss`."""
        return torch.stack([weight * loss(logits, target) for weight, loss in self._losses]).sum()


def sum_of_losses(losses: Sequence[tuple[float, Loss]], ignore_index: int) -> Loss:
    """Return the weighted sum of losses; of terms alone it is a term again."""
    terms = [(weight, loss.term) for weight, loss in losses if isinstance(loss, TermLoss)]
    if len(terms) == len(losses):
        return TermLoss(SumOfTerms(terms), ignore_index)
    return SumOfLosses(losses, ignore_index)
