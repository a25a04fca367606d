"""Fitting the numbers of `Stacking` to sampled pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toolkit.ensemble.combiners import FLOOR
from toolkit.search.pixel_sample import PixelSample

_PRIOR = 1e-2
"""Cost of a squared step away from the geometric mean, against cross entropy; not tuned."""
_ITERATIONS = 50
_BLOCK = 2048
"""Pixels that are computed together: few enough for the cache."""
_TINY = 1e-300
"""In place of a probability that is zero in float64."""


@dataclass(frozen=True)
class StackingNumbers:
    """Parameters of `toolkit.ensemble.stacking.Stacking`.

    Attributes:
        weights: (members, C), or (members, C, C).
        bias: (C,).
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]


class StackingFit:
    """Fits multinomial logistic regressions to parts of one sample of pixels.

    Cross entropy, with a Gaussian prior around the geometric mean (weights 1 / members, no bias)
    that keeps classes with few pixels near it; L-BFGS in float64 from there, so that a fit is the
    same every time.

    Args:
        pixels: the sample.
        matrix: one matrix per member instead of one number per member and class.
    """

    def __init__(self, pixels: PixelSample, *, matrix: bool) -> None:
        members, classes, _ = pixels.maps.shape
        self._pixels = pixels
        even = torch.full((members, classes), 1 / members, dtype=torch.float64)
        self._start = torch.diag_embed(even) if matrix else even

    def __call__(self, images: NDArray[np.bool_]) -> StackingNumbers:
        """Fit to the pixels of the chosen images, bool (images,); without any it is the prior."""
        blocks = self._blocks(np.flatnonzero(images[self._pixels.image]))
        n_pixels = max(1, sum(len(target) for _, target in blocks))
        weights = self._start.clone().requires_grad_()
        bias = torch.zeros(self._start.shape[1], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [weights, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe"
        )

        @torch.no_grad()
        def cost() -> Tensor:
            away = weights - self._start
            loss = _PRIOR * (away.square().sum() + bias.square().sum())
            weights.grad, bias.grad = 2 * _PRIOR * away, 2 * _PRIOR * bias
            for singles, target in blocks:
                logs = singles.double()
                entropy, errors = _cross_entropy(_scores(logs, weights, bias), target)
                loss += entropy / n_pixels
                errors /= n_pixels
                weights.grad += _slopes(logs, errors, weights.ndim == 3)
                bias.grad += errors.sum(1)
            return loss

        optimizer.step(cost)  # type: ignore[no-untyped-call]
        return StackingNumbers(weights.detach().numpy(), bias.detach().numpy())

    def _blocks(self, chosen: NDArray[np.intp]) -> list[tuple[Tensor, Tensor]]:
        """Return log-probabilities float32 (members, C, pixels) and targets int64 (pixels,)."""
        blocks = []
        for begin in range(0, len(chosen), _BLOCK):
            part = chosen[begin : begin + _BLOCK]
            logs = np.log(np.maximum(self._pixels.maps[:, :, part], np.float32(FLOOR)))
            target = self._pixels.target[part].astype(np.int64)
            blocks.append((torch.from_numpy(logs), torch.from_numpy(target)))
        return blocks


def _scores(logs: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Return (C, pixels) of log-probabilities (members, C, pixels)."""
    if weights.ndim == 2:
        scores = bias[:, None].expand(logs.shape[1:]).clone()
        for own, each in zip(weights, logs, strict=True):
            scores.addcmul_(own[:, None], each)
        return scores
    return torch.addmm(bias[:, None], weights.transpose(0, 1).flatten(1), logs.flatten(0, 1))


def _cross_entropy(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sum over the pixels, and its slopes by the scores, (C, pixels)."""
    errors = torch.softmax(scores, 0)
    entropy = -errors.gather(0, target[None]).clamp_min_(_TINY).log_().sum()
    errors.scatter_add_(0, target[None], errors.new_full((1, len(target)), -1.0))
    return entropy, errors


def _slopes(logs: Tensor, errors: Tensor, matrix: bool) -> Tensor:
    """Return the slopes by the weights: the shape of the weights."""
    if not matrix:
        return torch.stack([(each * errors).sum(1) for each in logs])
    members, classes, _ = logs.shape
    return (errors @ logs.flatten(0, 1).T).reshape(classes, members, classes).transpose(0, 1)
