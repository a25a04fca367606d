"""Photos of any number of channels: OpenCV takes them in parts, and pages show them as RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.plugin.component import N_RGB

_AT_ONCE = 4
"""Channels that every function of OpenCV takes."""


def by_channels(image: NDArray[Any], change: Callable[[NDArray[Any]], Any]) -> NDArray[Any]:
    """Return an image that an OpenCV function changed, whatever its number of channels.

    Some functions refuse more than 4 channels, all drop the axis of a single one, and `warpAffine`
    rounds 2 channels in another way than each alone: so 2 go one by one.

    Args:
        image: (H, W), or (H, W, N); RGB is handed on as it is.
        change: does the same to each channel.

    Returns:
        (h, w), or (h, w, N).
    """
    if image.ndim == 2 or image.shape[2] == N_RGB:
        return np.asarray(change(image))
    changed = [np.asarray(change(part)) for part in _parts(image)]
    return np.concatenate([part if part.ndim == 3 else part[..., None] for part in changed], axis=2)


def _parts(image: NDArray[Any]) -> Iterator[NDArray[Any]]:
    first, end = 0, image.shape[2]
    while first < end:
        left = end - first
        taken = min(left, _AT_ONCE) if left != 2 else 1
        yield np.ascontiguousarray(image[..., first : first + taken])
        first += taken


def rgb_picture(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what pages show and postprocessors get of a photo, uint8 RGB (H, W, 3).

    The first three channels; of one or two channels the first one as grey. An RGB photo itself.

    Args:
        image: uint8 (H, W, N).
    """
    channels = image.shape[2]
    if channels == N_RGB:
        return image
    return np.ascontiguousarray(image[..., [0, 1, 2] if channels > N_RGB else [0, 0, 0]])
