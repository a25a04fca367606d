"""Fitting the numbers of `Stacking` to sampled pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from toolkit.ensemble.combiners import FLOOR
from toolkit.ensemble.sampled import Pixels

_PRIOR = 1e-2
"""Cost of a squared step away from the geometric mean, against cross entropy; not tuned."""
_ITERATIONS = 50


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

    Cross entropy, with a Gaussian prior around the geometric mean (weights 1 / members, no bias) that
    keeps classes with few pixels near it; L-BFGS in float64 from there, so that a fit is the same
    every time.

    Args:
        pixels: the sample.
        matrix: one matrix per member instead of one number per member and class.
    """

    def __init__(self, pixels: Pixels, *, matrix: bool) -> None:
        members, classes, _ = pixels.maps.shape
        logs = np.log(np.maximum(pixels.maps, np.float32(FLOOR)))
        self._logs = torch.from_numpy(logs).double()
        self._target = torch.from_numpy(pixels.target.astype(np.int64))
        self._image = pixels.image
        even = torch.full((members, classes), 1 / members, dtype=torch.float64)
        self._start = torch.diag_embed(even) if matrix else even

    def __call__(self, images: NDArray[np.bool_]) -> StackingNumbers:
        """Fit to the pixels of the chosen images, bool (images,)."""
        chosen = torch.from_numpy(np.flatnonzero(images[self._image]))
        logs, target = self._logs[:, :, chosen], self._target[chosen]
        weights = self._start.clone().requires_grad_()
        bias = torch.zeros(self._start.shape[1], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.LBFGS(
            [weights, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe"
        )

        def cost() -> Tensor:
            optimizer.zero_grad()
            loss = functional.cross_entropy(_scores(logs, weights, bias).T, target)
            loss = loss + _PRIOR * ((weights - self._start).square().sum() + bias.square().sum())
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(cost)  # type: ignore[no-untyped-call]
        return StackingNumbers(weights.detach().numpy(), bias.detach().numpy())


def _scores(logs: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    """Return (C, pixels) of log-probabilities (members, C, pixels)."""
    if weights.ndim == 2:
        return torch.einsum("mc,mcn->cn", weights, logs) + bias[:, None]
    return torch.einsum("mck,mkn->cn", weights, logs) + bias[:, None]
