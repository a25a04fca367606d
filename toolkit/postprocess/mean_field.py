"""The CRF's own engine: permutohedral lattices in torch, on the GPU where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from toolkit.memory import keep_freed_memory
from toolkit.postprocess.crf_settings import CrfSettings
from toolkit.postprocess.permutohedral import PIECE, Filter, make_filter

_SIZES = 4
"""Sizes of images whose spatial kernel is kept: photos of one camera have one or two."""


@torch.inference_mode()
def infer(
    logs: NDArray[np.float32], image: NDArray[np.uint8], settings: CrfSettings
) -> NDArray[np.float32]:
    """Return the marginals of the mean field; see `toolkit.postprocess.dense_crf.Inference`."""
    if logs[..., 0].size <= PIECE:  # a large one needs what it frees for arrays of other sizes
        keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    height, width, n_classes = logs.shape
    filters = []
    if settings.gaussian_weight > 0:
        # Kept for the next photo of this size, unless it is large.
        make = _spatial if height * width <= PIECE else _spatial.__wrapped__
        filters.append(make(height, width, settings.gaussian_xy, settings.gaussian_weight, device))
    if settings.bilateral_weight > 0:
        places = _places(height, width, settings.bilateral_xy)
        colours = torch.from_numpy(image.reshape(-1, 3).T.astype(np.float32))
        features = torch.cat([places, colours / settings.bilateral_rgb])
        filters.append(make_filter(features.to(device), settings.bilateral_weight))
        del places, colours, features
    unary = torch.split(torch.from_numpy(logs).to(device).reshape(-1, n_classes), PIECE)
    marginals = _mean_field(unary, filters, settings.iterations, settings.tolerance)
    found: NDArray[np.float32] = torch.cat(marginals).reshape(logs.shape).cpu().numpy()
    return found


@lru_cache(_SIZES)
def _spatial(height: int, width: int, xy: float, weight: float, device: torch.device) -> Filter:
    return make_filter(_places(height, width, xy).to(device), weight)


def _places(height: int, width: int, xy: float) -> Tensor:
    """Column and row of every pixel in units of `xy`, float32 (2, pixels)."""
    rows, columns = np.indices((height, width), dtype=np.float32).reshape(2, -1)
    return torch.from_numpy(np.stack([columns, rows])) / xy


def _mean_field(
    unary: Sequence[Tensor], filters: Sequence[Filter], iterations: int, tolerance: float
) -> list[Tensor]:
    """Update the marginals `iterations` times or until the labels no longer change.

    Args:
        unary: float32 (pixels, C) of each piece of the image, in the order of the filters' pieces.
        filters: the kernels.
        iterations: updates, at most.
        tolerance: share of the pixels.

    Returns:
        float32 (pixels, C) of each piece.
    """
    marginals: list[Tensor] = []
    labels: list[Tensor] = []
    for own in unary:
        probabilities, best = _softmax(own.clone())
        marginals.append(probabilities)
        labels.append(best)
    n_pixels = sum(map(len, labels))
    for _ in range(iterations):
        spreads = [kernel.spread(marginals) for kernel in filters]
        changed = 0
        for number, own in enumerate(unary):
            # The blurred lattices hold all that is needed of the last marginals.
            scores = marginals[number].copy_(own)
            for kernel, vertices in zip(filters, spreads, strict=True):
                scores += kernel.pieces[number].slices @ vertices
            _, best = _softmax(scores)
            if tolerance > 0:
                changed += int((best != labels[number]).sum())
            labels[number] = best
        if tolerance > 0 and changed / n_pixels <= tolerance:
            break
    return marginals


def _softmax(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return softmax, made in place, and labels, int16, of (pixels, C).

    Five times as fast as `torch.softmax`, which has no fast way for rows as short as these.
    """
    highest, labels = scores.max(dim=1, keepdim=True)
    scores.sub_(highest).exp_()
    scores /= scores.sum(dim=1, keepdim=True)
    return scores, labels.to(torch.int16)  # int64 takes as much as two classes
