"""Distances to the borders between labels, measured on the CPU and without gradient.

A pixel's distance to a label is the Euclidean distance, in pixels, between it and the centre of the
nearest pixel of that label. Pixels that do not count belong to no label and make no border.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_NO_LABEL = -1


def boundary_distances(labels: Tensor, valid: Tensor) -> Tensor:
    """Return the distance of every pixel to the nearest one of another label.

    Args:
        labels: int64 (B, H, W).
        valid: (B, H, W), 0 where a pixel does not count.

    Returns:
        (B, H, W) in the type and on the device of `valid`; 0 for pixels that do not count and in
        images of one label.
    """
    maps = []
    for image in _arrays(labels, valid):
        to_label = _to_each_label(image)
        one = len(to_label) < 2
        maps.append(
            np.zeros(image.shape, np.float32)
            if one
            else np.where(image == _NO_LABEL, np.float32(0), _to_another(to_label))
        )
    return torch.from_numpy(np.stack(maps)).to(valid)


class SignedDistances:
    """Distance to the border of each label: negative inside, positive outside.

    The border runs half-way between two pixels: the pixels beside it have −½ and ½. Only labels
    that an image shows beside others have a border in it.

    Args:
        labels: int64 (B, H, W).
        valid: (B, H, W), 0 where a pixel does not count.
    """

    def __init__(self, labels: Tensor, valid: Tensor) -> None:
        self._shape = labels.shape[1:]
        self._like = valid
        self._maps = {
            (index, label): signed
            for index, image in enumerate(_arrays(labels, valid))
            for label, signed in _signed_distances(image).items()
        }

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(image, label) of every border there is."""
        return tuple(self._maps)

    def stack(self, pairs: tuple[tuple[int, int], ...]) -> Tensor:
        """Return the maps (len(pairs), H, W) in shares of the diagonal; 0 where there is no border.

        They have the type and device of `valid`; what they hold at pixels that do not count means
        nothing.
        """
        maps = np.zeros((len(pairs), *self._shape), np.float32)
        for row, pair in zip(maps, pairs, strict=True):
            if pair in self._maps:
                row[:] = self._maps[pair]
        return torch.from_numpy(maps / np.float32(np.hypot(*self._shape))).to(self._like)


def _arrays(labels: Tensor, valid: Tensor) -> NDArray[np.int16]:
    kept = torch.where(valid > 0, labels, _NO_LABEL)
    arrays: NDArray[np.int16] = kept.to(torch.int16).cpu().numpy()
    return arrays


def _to_each_label(image: NDArray[np.int16]) -> dict[int, NDArray[np.float32]]:
    """Return, for every label in the image, the distance of all pixels to it."""
    counts = np.bincount(image.ravel() - _NO_LABEL)
    present = np.flatnonzero(counts) + _NO_LABEL
    # The 5 × 5 mask of OpenCV errs by pixels; its precise transform by 1e-4 of one.
    return {
        int(label): cv2.distanceTransform(
            (image != label).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
        )
        for label in present
        if label != _NO_LABEL
    }


def _to_another(to_label: dict[int, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return the distance of counted pixels to the nearest one of another label."""
    maps = np.stack(list(to_label.values()))
    # A pixel's own label is at distance 0; every other at 1 or more.
    nearest: NDArray[np.float32] = np.min(maps, axis=0, where=maps > 0, initial=np.inf)
    return nearest


def _signed_distances(image: NDArray[np.int16]) -> dict[int, NDArray[np.float32]]:
    to_label = _to_each_label(image)
    if len(to_label) < 2:
        return {}
    to_another = _to_another(to_label)
    half = np.float32(0.5)
    return {
        label: np.where(image == label, half - to_another, distance - half)
        for label, distance in to_label.items()
    }
