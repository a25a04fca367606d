"""Making cut-outs, samples and the augmentation for the tests of object mix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit import ComponentSpec, Context, CutOut, Sample
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry

CLASSES = ("Background", "Paper", "Glass", "Battery", "Plastic bag")
PLAIN: dict[str, Any] = {
    "scale": [1.0, 1.0],
    "large": 1.0,
    "small": 0.0,
    "rotate": 0.0,
    "quarter_turns": False,
    "hflip": 0.0,
    "vflip": 0.0,
    "brightness": 0.0,
    "blend": 0.0,
}
SIZE = (60, 80)


def make(
    registry: Registry, *objects: CutOut, size: tuple[int, int] = SIZE, **parameters: Any
) -> Augmentation:
    """Object mix that only moves its objects, but for `parameters`."""
    context = Context(CLASSES, image_size=size, objects=lambda: MemoryBank(objects))
    spec = ComponentSpec(name="object_mix", **(PLAIN | parameters))
    return registry.build("augmentation", spec, context)


def blank(size: tuple[int, int] = SIZE, file_name: str = "own.jpg", label: int = 0) -> Sample:
    return Sample(np.zeros((*size, 3), np.uint8), np.full(size, label, np.uint8), file_name)


def cut(
    alpha: Any, label: int = 1, file_name: str = "other.jpg", source_size: tuple[int, int] = SIZE
) -> CutOut:
    """A cut-out of that shape; each pixel has its own colour, none is black."""
    alpha = 255 * np.asarray(alpha, np.uint8)
    height, width = alpha.shape
    image = np.full((height, width, 3), 128, np.uint8)
    image[..., 0] += np.arange(width, dtype=np.uint8) % 100
    image[..., 1] += np.arange(height, dtype=np.uint8)[:, None] % 100
    return CutOut(image, alpha, label, file_name, source_size)


def letter(height: int = 14, width: int = 9, margin: int = 2) -> NDArray[np.bool_]:
    """An F, which no turn and no mirroring leaves as it was."""
    shape = np.zeros((height, width), np.bool_)
    shape[:, :2] = shape[:2] = shape[6:8, :5] = True
    return np.pad(shape, margin)


def box(height: int, width: int, margin: int = 2) -> NDArray[np.bool_]:
    return np.pad(np.ones((height, width), np.bool_), margin)


def results(augmentation: Augmentation, sample: Sample, n: int = 40) -> list[Sample]:
    return [augmentation(sample, np.random.default_rng(seed)) for seed in range(n)]
