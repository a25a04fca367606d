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
from toolkit.postprocess.permutohedral import Filter, make_filter

_SIZES = 4
"""Sizes of images whose spatial kernel is kept: photos of one camera have one or two."""


@torch.inference_mode()
def infer(
    logs: NDArray[np.float32], image: NDArray[np.uint8], settings: CrfSettings
) -> NDArray[np.float32]:
    """Return the marginals of the mean field; see `toolkit.postprocess.dense_crf.Inference`."""
    keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    height, width, n_classes = logs.shape
    filters = []
    if settings.gaussian_weight > 0:
        filters.append(
            _spatial(height, width, settings.gaussian_xy, settings.gaussian_weight, device)
        )
    if settings.bilateral_weight > 0:
        places = _places(height, width, settings.bilateral_xy)
        colours = torch.from_numpy(image.reshape(-1, 3).T.astype(np.float32))
        features = torch.cat([places, colours / settings.bilateral_rgb])
        filters.append(make_filter(features.to(device), settings.bilateral_weight))
    unary = torch.from_numpy(logs).to(device).reshape(-1, n_classes)
    marginals = _mean_field(unary, filters, settings.iterations, settings.tolerance)
    found: NDArray[np.float32] = marginals.reshape(logs.shape).cpu().numpy()
    return found


@lru_cache(_SIZES)
def _spatial(height: int, width: int, xy: float, weight: float, device: torch.device) -> Filter:
    return make_filter(_places(height, width, xy).to(device), weight)


def _places(height: int, width: int, xy: float) -> Tensor:
    """Column and row of every pixel in units of `xy`, float32 (2, pixels)."""
    rows, columns = np.indices((height, width), dtype=np.float32).reshape(2, -1)
    return torch.from_numpy(np.stack([columns, rows])) / xy


def _mean_field(
    unary: Tensor, filters: Sequence[Filter], iterations: int, tolerance: float
) -> Tensor:
    """Update the marginals, float32 (pixels, C), `iterations` times or until the labels rest."""
    marginals, labels = _normalised(unary.clone())
    for _ in range(iterations):
        scores = unary.clone()
        for kernel in filters:
            scores += kernel @ marginals
        previous = labels
        marginals, labels = _normalised(scores)
        if tolerance > 0 and float((labels != previous).float().mean()) <= tolerance:
            break
    return marginals


def _normalised(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return softmax, made in place, and labels of (pixels, C).

    Five times as fast as `torch.softmax`, which has no fast way for rows as short as these.
    """
    highest, labels = scores.max(dim=1, keepdim=True)
    scores.sub_(highest).exp_()
    scores /= scores.sum(dim=1, keepdim=True)
    return scores, labels
