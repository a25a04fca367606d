"""From the photo through the network's size, its views and windows, and back: nothing moves."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from toolkit.data.resize import resize_image, resize_tensor
from toolkit.plugin.registry import Registry
from toolkit.predict.passes import Passes
from toolkit.predict.tiles import Axis, Tiles
from toolkit.predict.views import parse_views
from toolkit.train.device import make_compute

INPUT = (96, 160)
LIMIT = 0.06
"""Pixels of the network's output, on average over the photos; its corner in place of its centre
would be 0.375."""


class Bright(nn.Module):
    """Says of every fourth pixel whether it and those around it are bright."""

    def forward(self, images: Tensor) -> Tensor:
        bright = functional.avg_pool2d(images[:, :1], 4)
        return torch.cat([0.5 - bright, bright - 0.5], dim=1) * 20


def photos(height: int, width: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    found = []
    for _ in range(12):
        image = np.zeros((height, width, 3), np.uint8)
        top, left = rng.integers((height // 5, width // 5), (height // 3, width // 3))
        down, across = rng.integers((height // 3, width // 3), (height // 2, width // 2))
        image[top : top + down, left : left + across] = 255
        found.append(image)
    return found


def displacement(
    image: NDArray[np.uint8], probabilities: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return how far the bright part moved: (rows, columns), native pixels."""
    rows, columns = np.indices(image.shape[:2])
    centres = [
        np.array([(rows * weight).sum(), (columns * weight).sum()]) / weight.sum()
        for weight in (image[..., 0] / 255.0, (probabilities[1] > 0.5).astype(float))
    ]
    return np.asarray(centres[1] - centres[0])


def passes_of(views: str, registry: Registry) -> Passes:
    compute = make_compute(
        torch.device("cpu"), precision="fp32", channels_last=False, mean=(0, 0, 0), std=(1, 1, 1)
    )
    return Passes(Bright(), compute, parse_views(views, registry), 8)


@pytest.mark.parametrize("views", ["none", "d4", "scale0.5", "scale1.5", "shift8", "max:scale0.75"])
@pytest.mark.parametrize("size", [(240, 400), (150, 500), (90, 110)])
def test_a_map_lies_over_its_photo(size: tuple[int, int], views: str, registry: Registry) -> None:
    passes = passes_of(views, registry)
    images = photos(*size)
    maps = passes.maps([resize_image(image, INPUT) for image in images], repeat(size))
    offsets = [displacement(image, each) for image, each in zip(images, maps, strict=True)]
    cell = 4 * np.array(size) / INPUT
    assert (np.abs(np.mean(offsets, axis=0)) < LIMIT * cell).all(), np.mean(offsets, axis=0)


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.7])
def test_the_map_of_windows_lies_over_its_photo(scale: float, registry: Registry) -> None:
    passes = passes_of("hflip", registry)
    offsets = []
    for image in photos(240, 400):
        small = resize_image(image, (round(240 * scale), round(400 * scale)))
        tiles = Tiles(*(Axis(side, 96, 0.25) for side in small.shape[:2]))
        blended = tiles.blend(passes.maps(tiles.cut(small), repeat((96, 96))))
        native = resize_tensor(torch.from_numpy(blended)[None], (240, 400))[0]
        offsets.append(displacement(image, native.numpy()))
    assert (np.abs(np.mean(offsets, axis=0)) < LIMIT * 4 / scale).all(), np.mean(offsets, axis=0)
