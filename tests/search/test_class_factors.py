from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.miou import MIOU
from tests.miou import miou as miou_of
from tests.slow_factors import fitted_slowly
from toolkit.metrics.checked import checked
from toolkit.metrics.confusion import confusion
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import builtin_registry
from toolkit.plugin.interfaces import Context
from toolkit.plugin.metric import Metric, MetricScore
from toolkit.search.class_factors import FactorFit
from toolkit.search.pixel_sample import PixelSample


def _overlooked() -> PixelSample:
    """A rare third class that members see, but always with too little probability."""
    rng = np.random.default_rng(0)
    target = rng.choice(3, 8000, p=[0.6, 0.35, 0.05]).astype(np.uint8)
    logits = rng.normal(0, 1, (2, 3, 8000)) + 3 * (np.arange(3)[None, :, None] == target)
    logits[:, 2] -= 2.0
    maps = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return PixelSample(maps.astype(np.float32), target, np.arange(8000) % 4)


def test_an_overlooked_class_gets_a_factor_above_the_others() -> None:
    pixels = _overlooked()
    factors = np.array(FactorFit(pixels, MIOU)(np.ones(4, np.bool_)))
    assert factors[2] > 1.5 * factors[:2].max()

    def miou(scale: np.ndarray) -> float:
        labels = (pixels.maps.mean(0) * scale[:, None]).argmax(0).astype(np.uint8)
        return miou_of(confusion(pixels.target, labels, 3))

    assert miou(factors) > miou(np.ones(3)) + 0.05


def test_images_that_are_left_out_do_not_count() -> None:
    pixels = _overlooked()
    chosen = np.array([True, False, True, True])
    target = pixels.target.copy()
    target[~chosen[pixels.image]] = 0
    changed = PixelSample(pixels.maps, target, pixels.image)
    assert FactorFit(pixels, MIOU)(chosen) == FactorFit(changed, MIOU)(chosen)


@dataclass(frozen=True)
class WorstImage:
    """A metric of its own kind: the share of wrong pixels of the worst image, smaller is better."""

    larger_is_better: bool = False

    def __call__(self, counts: NDArray[np.int64]) -> MetricScore:
        right = np.trace(counts, axis1=1, axis2=2)
        return MetricScore(float((1 - right / counts.sum((1, 2))).max()))


def metric_of(name: str, n_classes: int) -> Metric:
    if name == "worst image":
        return checked(name, WorstImage())
    context = Context(tuple(f"class {label}" for label in range(n_classes)), (8, 8))
    return checked(name, builtin_registry().build("metric", ComponentSpec(name=name), context))


def slow_factors(
    pixels: PixelSample, images: NDArray[np.bool_], metric: Metric
) -> tuple[float, ...]:
    """Count all pixels anew for every step."""
    chosen = images[pixels.image]
    mean = pixels.maps.mean(axis=0)[:, chosen]
    target, image = pixels.target[chosen], pixels.image[chosen]
    n_classes, names = len(mean), np.unique(image)
    sign = 1 if metric.larger_is_better else -1

    def score(factors: NDArray[np.float64]) -> float:
        labels = (mean * factors[:, None].astype(np.float32)).argmax(0)
        counts = np.zeros((len(names), n_classes, n_classes), np.int64)
        np.add.at(counts, (np.searchsorted(names, image), target, labels), 1)
        return sign * metric(counts).score

    return fitted_slowly(score, n_classes)


@pytest.mark.parametrize("n_classes", [2, 5, 40])
@pytest.mark.parametrize(
    "name", ["miou", "image_miou", "image_dice", "fwiou", "cohen_kappa", "worst image"]
)
def test_factors_equal_those_of_scoring_every_step_anew(name: str, n_classes: int) -> None:
    rng = np.random.default_rng(n_classes)
    n_pixels = 1200
    # Images show few of the classes, and the last class is in none.
    image = rng.permutation(np.arange(n_pixels) % 7)
    target = ((rng.integers(0, 4, n_pixels) * (1 + image)) % (n_classes - 1)).astype(np.uint8)
    # Coarse numbers have many ties, which go to the smaller label.
    maps = rng.integers(0, 6, (2, n_classes, n_pixels))
    maps[:, target, np.arange(n_pixels)] += rng.integers(0, 4, n_pixels)
    pixels = PixelSample(maps.astype(np.float32), target, image)
    images = np.array([True, True, False, True, True, False, True])
    metric = metric_of(name, n_classes)
    fit = FactorFit(pixels, metric)
    for chosen in (images, ~images):
        expected = slow_factors(pixels, chosen, metric)
        assert fit(chosen) == expected
    assert set(expected) != {1.0} or n_classes == 2
