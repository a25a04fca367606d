"""How long every augmentation and every mix takes for one sample of 512 x 512 pixels.

    python tests/benchmarks/augmentations.py [name ...]

On one thread; beside it albumentations, where it has the same transform and we use our own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from toolkit import ComponentSpec, Context, CutOut, Sample
from toolkit.objects.memory_bank import MemoryBank
from toolkit.plugin.discovery import load_registry

SIZE, N_CLASSES, ROUNDS, SEEDS = 512, 12, 10, 6


def make_sample(seed: int) -> Sample:
    """Return a smooth image with a dozen objects."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), (SIZE, SIZE))
    mask = np.zeros((SIZE, SIZE), np.uint8)
    for _ in range(12):
        centre, axes = rng.integers(0, SIZE, 2).tolist(), rng.integers(15, 100, 2).tolist()
        label, angle = int(rng.integers(1, N_CLASSES)), int(rng.integers(180))
        cv2.ellipse(mask, centre, axes, angle, 0, 360, label, -1)
    return Sample(image, mask)


def make_bank() -> MemoryBank:
    """Return fifty objects of five classes, with a margin of 8 pixels, of images of `SIZE`."""
    rng = np.random.default_rng(2)
    objects = []
    for number in range(50):
        axes = rng.integers(15, 100, 2).tolist()
        width, height = (2 * axis + 17 for axis in axes)
        alpha = np.zeros((height, width), np.uint8)
        cv2.ellipse(alpha, (width // 2, height // 2), axes, 0, 0, 360, 255, -1)
        image = cv2.resize(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8), (width, height))
        objects.append(CutOut(image, alpha, number % 5 + 1, f"{number}.jpg", (SIZE, SIZE)))
    return MemoryBank(tuple(objects))


CONTEXT = Context(tuple(map(str, range(N_CLASSES))), image_size=(SIZE, SIZE), objects=make_bank)


def milliseconds(job: Callable[[int], object]) -> float:
    """Return the best time of several rounds, mean over seeds: costs differ with what is drawn."""
    job(0)
    best = [float("inf")] * SEEDS
    for _ in range(ROUNDS):
        for seed in range(SEEDS):
            start = time.perf_counter()
            job(seed)
            best[seed] = min(best[seed], time.perf_counter() - start)
    return 1000 * sum(best) / SEEDS


def albumentations() -> dict[str, Any]:
    """Return the transforms that ours stand for, by our names."""
    import albumentations as A

    border: dict[str, Any] = {"border_mode": cv2.BORDER_REFLECT_101, "p": 1.0}
    return {
        "random_sized_crop": A.RandomSizedCrop((150, 200), (SIZE, SIZE), p=1.0),
        "crop_non_empty": A.CropNonEmptyMaskIfExists(300, 300, ignore_values=[255], p=1.0),
        "grid_shuffle": A.RandomGridShuffle((3, 3), p=1.0),
        "elastic": A.ElasticTransform(40, 6, noise_distribution="uniform", **border),
        "grid_distortion": A.GridDistortion(**border),
        "optical_distortion": A.OpticalDistortion((-1, 1), **border),
        "grid_mask": A.GridDropout(p=1.0),
    }


def main(names: list[str]) -> None:
    """Print one line for each component."""
    cv2.setNumThreads(1)
    registry, theirs = load_registry(None), albumentations()
    sample, partner = make_sample(0), make_sample(1)
    print(f"{'component':<22}{'ms':>8}{'albumentations':>18}")
    for entry in (*registry.entries("augmentation"), *registry.entries("mix")):
        if entry.name == "one_of" or (names and entry.name not in names):
            continue
        made = registry.build(entry.kind, ComponentSpec(name=entry.name), CONTEXT)

        def ours(seed: int, made: Any = made, is_mix: bool = entry.kind == "mix") -> object:
            rng = np.random.default_rng(seed)
            return made(sample, partner, rng, rng) if is_mix else made(sample, rng)

        line = f"{entry.name:<22}{milliseconds(ours):>8.2f}"
        if entry.name in theirs and entry.kind == "augmentation":
            transform = theirs[entry.name]
            their_time = milliseconds(
                lambda seed, t=transform: t(image=sample.image, mask=sample.mask)  # type: ignore[misc]
            )
            line += f"{their_time:>18.2f}"
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
