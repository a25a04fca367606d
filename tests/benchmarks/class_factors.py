"""How fast factors of classes are fitted by a metric per image, with many classes.

    python tests/benchmarks/class_factors.py [number of images] [number of classes]

The obvious way labels and counts every pixel anew for each step of each factor; both must give the
same factors. One process, one thread.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.slow_factors import fitted_slowly
from toolkit.memory import keep_freed_memory
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import builtin_registry
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import Metric
from toolkit.search.class_factors import FactorFit
from toolkit.search.pixel_sample import PixelSample

PER_IMAGE, SHOWN = 400, 8


def make_pixels(n_images: int, n_classes: int) -> PixelSample:
    """Return pixels of images that show a few of the classes, most of them rare."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, n_classes + 1)
    share /= share.sum()
    target = np.concatenate(
        [
            rng.choice(rng.choice(n_classes, SHOWN, replace=False, p=share), PER_IMAGE)
            for _ in range(n_images)
        ]
    ).astype(np.uint8)
    logits = rng.normal(0.7 * np.log(share)[:, None], 1.5, (n_classes, len(target)))
    logits[target, np.arange(len(target))] += 5
    exponentials = np.exp(logits - logits.max(0))
    maps = (exponentials / exponentials.sum(0)).astype(np.float32)
    return PixelSample(maps[None], target, np.repeat(np.arange(n_images), PER_IMAGE))


def count_anew(pixels: PixelSample, metric: Metric, n_images: int) -> tuple[float, ...]:
    """Fit as `FactorFit` does, the obvious way."""
    mean = pixels.maps[0]

    def score(factors: NDArray[np.float64]) -> float:
        labels = (mean * factors[:, None].astype(np.float32)).argmax(0)
        counts = np.zeros((n_images, len(mean), len(mean)), np.int64)
        np.add.at(counts, (pixels.image, pixels.target, labels), 1)
        return metric(counts).score

    return fitted_slowly(score, len(mean))


def timed(fit: Callable[[], tuple[float, ...]]) -> tuple[tuple[float, ...], float]:
    """Return what a function returns, and the seconds of processor time."""
    start = time.process_time()
    return fit(), time.process_time() - start


def main(n_images: int, n_classes: int) -> None:
    """Print the seconds of both ways for each metric."""
    keep_freed_memory()
    pixels = make_pixels(n_images, n_classes)
    images = np.ones(n_images, np.bool_)
    context = Context(tuple(map(str, range(n_classes))), (8, 8))
    print(f"{n_images} images, {n_classes} classes, {PER_IMAGE} pixels of each image")
    for name in ("miou", "image_miou", "image_dice"):
        metric = builtin_registry().build("metric", ComponentSpec(name=name), context)
        found, seconds = timed(lambda m=metric: FactorFit(pixels, m)(images))
        expected, obvious = timed(lambda m=metric: count_anew(pixels, m, n_images))
        assert found == expected
        print(f"{name:12} {seconds:7.2f} s, all counted anew {obvious:7.2f} s")


if __name__ == "__main__":
    main(*(int(each) for each in (sys.argv[1:] + ["40", "150"][len(sys.argv) - 1 :])))
