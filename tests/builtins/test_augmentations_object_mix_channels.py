"""Object mix on photos of other channels: each channel is pasted as one of an RGB photo is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.builtins.object_mix_pieces import CLASSES, SIZE, cut, letter
from toolkit import ComponentSpec, Context, CutOut, Sample
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.interfaces import Augmentation
from toolkit.plugin.registry import Registry

CHANNELS = (1, 2, 3, 4, 5, 6, 13, 64)
PARAMETERS = {
    "everything": {
        "objects": [1, 3],
        "rotate": 30.0,
        "grid_distortion": 0.5,
        "brightness": 0.3,
        "blend": 1.5,
        "scale": [0.6, 1.7],
    },
    "hard edge": {"objects": [2, 2], "blend": 0.0, "rotate": 0.0, "brightness": 0.0},
    "own place": {"place": "own", "scale": [0.7, 1.3], "rotate": 20.0},
}


def make(registry: Registry, channels: int, name: str, *objects: CutOut) -> Augmentation:
    context = Context(
        CLASSES, image_size=SIZE, objects=lambda: MemoryBank(objects), channels=channels
    )
    spec = ComponentSpec(name="object_mix", **PARAMETERS[name])
    return registry.build("augmentation", spec, context)


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("channels", CHANNELS)
def test_every_channel_is_pasted_as_a_photo_of_its_own(
    channels: int, name: str, registry: Registry
) -> None:
    noise = np.random.default_rng(1)
    shapes = letter(), letter(30, 22), letter(9, 40)
    cut_outs = [
        replace(
            cut(shape, label=1 + number, file_name=f"{number}.tif"),
            image=noise.integers(0, 256, (*shape.shape, channels), dtype=np.uint8),
        )
        for number, shape in enumerate(shapes)
    ]
    photo = noise.integers(0, 256, (*SIZE, channels), dtype=np.uint8)
    sample = Sample(photo, np.zeros(SIZE, np.uint8), "own.tif")
    mix = make(registry, channels, name, *cut_outs)
    found = [mix(sample, np.random.default_rng(seed)) for seed in range(6)]
    assert sum(np.count_nonzero(each.mask) for each in found) > 100
    for channel in range(channels):
        alone = [
            replace(each, image=np.repeat(each.image[..., channel : channel + 1], 3, axis=2))
            for each in cut_outs
        ]
        rgb = make(registry, 3, name, *alone)
        grey = replace(sample, image=np.repeat(photo[..., channel : channel + 1], 3, axis=2))
        for seed, result in enumerate(found):
            expected = rgb(grey, np.random.default_rng(seed))
            assert result.image.shape == photo.shape
            np.testing.assert_array_equal(result.mask, expected.mask)
            np.testing.assert_array_equal(result.image[..., channel], expected.image[..., 0])
