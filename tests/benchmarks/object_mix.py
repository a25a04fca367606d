"""How long it takes to paste an object into a sample of 512 x 512 pixels, three ways side by side.

    python tests/benchmarks/object_mix.py

On one thread: `object_mix`, the mix `copy_paste` (at most one object), and the contest team's way:
objects kept on canvases of the full size, moved and distorted there, and pasted channel by channel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import albumentations as A
import cv2
import numpy as np
from augmentations import CONTEXT, SIZE, make_bank, make_sample, milliseconds
from numpy.typing import NDArray

from toolkit import ComponentSpec
from toolkit.plugin.discovery import load_registry


def canvases() -> list[tuple[NDArray[np.uint8], int]]:
    """Return each object of the bank alone on black, in the middle, with its label."""
    found = []
    for each in make_bank().objects:
        canvas = np.zeros((SIZE, SIZE, 3), np.uint8)
        height, width = each.alpha.shape
        top, left = (SIZE - height) // 2, (SIZE - width) // 2
        canvas[top : top + height, left : left + width] = cv2.copyTo(each.image, each.alpha)
        found.append((canvas, each.label))
    return found


def main() -> None:
    """Print one line for each way."""
    cv2.setNumThreads(1)
    registry = load_registry(None)
    sample, partner = make_sample(0), make_sample(1)

    def made(kind: str, name: str, **parameters: Any) -> Any:
        return registry.build(kind, ComponentSpec(name=name, **parameters), CONTEXT)

    bank = canvases()
    moved = A.Compose(
        [
            A.Affine(rotate=(-30, 30), translate_percent=(-0.3, 0.3), p=0.5),
            A.HorizontalFlip(p=0.5),
            A.VerticalFlip(p=0.2),
            A.GridDistortion(p=0.5),
        ],
        seed=0,
    )

    def on_canvases(seed: int) -> object:
        canvas, label = bank[int(np.random.default_rng(seed).integers(len(bank)))]
        piece = moved(image=canvas)["image"]
        mask = np.where(piece[..., 0] != 0, np.uint8(label), sample.mask)
        channels = [
            np.where(piece[..., k] != 0, piece[..., k], sample.image[..., k]) for k in range(3)
        ]
        return replace(sample, image=np.stack(channels, axis=-1), mask=mask)

    one = made("augmentation", "object_mix")
    hard = made("augmentation", "object_mix", blend=0.0)
    distorted = made("augmentation", "object_mix", grid_distortion=0.5)
    three = made("augmentation", "object_mix", objects=[3, 3])
    pasted = made("mix", "copy_paste", max_objects=1)
    ways = {
        "object_mix": lambda seed: one(sample, np.random.default_rng(seed)),
        "object_mix, hard edge": lambda seed: hard(sample, np.random.default_rng(seed)),
        "object_mix, distorted": lambda seed: distorted(sample, np.random.default_rng(seed)),
        "object_mix, three objects": lambda seed: three(sample, np.random.default_rng(seed)),
        "copy_paste": lambda seed: pasted(
            sample, partner, np.random.default_rng(seed), np.random.default_rng(seed)
        ),
        "on canvases": on_canvases,
    }
    times = {name: milliseconds(way) for name, way in ways.items()}
    print(f"{'way':<28}{'ms':>8}{'x object_mix':>16}")
    for name, time in times.items():
        print(f"{name:<28}{time:>8.2f}{time / times['object_mix']:>16.2f}")


if __name__ == "__main__":
    main()
