"""Small random inputs of the contracts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.component import N_RGB
from toolkit.plugin.interfaces import IGNORE_INDEX, Context, CutOut, Sample


def labels(
    rng: np.random.Generator,
    height: int,
    width: int,
    n_classes: int,
    ignore_index: int | None = IGNORE_INDEX,
) -> NDArray[np.uint8]:
    """Return uint8 (H, W) labels in blobs of 4 × 4 pixels; a few are ignored unless None."""
    values = [*range(n_classes), *([] if ignore_index is None else [ignore_index])]
    cells = rng.choice(np.array(values, dtype=np.uint8), size=(-(-height // 4), -(-width // 4)))
    return np.ascontiguousarray(cells.repeat(4, axis=0).repeat(4, axis=1)[:height, :width])


def image(
    rng: np.random.Generator, height: int, width: int, channels: int = N_RGB
) -> NDArray[np.uint8]:
    """Return uint8 (H, W, channels) noise."""
    return rng.integers(0, 256, (height, width, channels), dtype=np.uint8)


def sample(rng: np.random.Generator, height: int, width: int, context: Context) -> Sample:
    """Return a sample whose arrays refuse to be written to, as cached ones do."""
    mask = labels(rng, height, width, context.n_classes, context.ignore_index)
    arrays = image(rng, height, width, context.channels), mask
    for array in arrays:
        array.flags.writeable = False
    return Sample(*arrays, file_name="train/0001.jpg")


def object_bank(n_classes: int = 4, channels: int = N_RGB) -> MemoryBank:
    """Return objects of the first and the last label, from images of several sizes, none square."""
    rng = np.random.default_rng(0)
    objects: list[CutOut] = []
    for label, size, source_size in (
        (1, (10, 21), (70, 100)),
        (1, (30, 16), (48, 64)),
        (n_classes - 1, (9, 14), (96, 64)),
    ):
        alpha = np.zeros(size, np.uint8)
        alpha[2:-2, 3:-1] = 255
        name = f"train/000{len(objects) + 2}.jpg"
        objects.append(CutOut(image(rng, *size, channels), alpha, label, name, source_size))
    return MemoryBank(tuple(objects))


def probabilities(
    rng: np.random.Generator, n_classes: int, height: int, width: int
) -> NDArray[np.float32]:
    """Return float32 (C, H, W) that sums to 1 over C and refuses to be written to."""
    scores = np.exp(3 * rng.standard_normal((n_classes, height, width)))
    maps: NDArray[np.float32] = (scores / scores.sum(axis=0)).astype(np.float32)
    maps.flags.writeable = False
    return maps
