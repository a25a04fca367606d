from __future__ import annotations

import numpy as np

from tests.miou import MIOU
from tests.miou import miou as miou_of
from toolkit.metrics.confusion import confusion
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


def test_factors_equal_those_of_scoring_every_step_anew() -> None:
    rng = np.random.default_rng(4)
    target = rng.choice(5, 3000, p=[0.5, 0.2, 0.2, 0.1, 0.0]).astype(np.uint8)
    # Coarse numbers have many ties, which go to the smaller label.
    maps = rng.integers(0, 6, (1, 5, 3000)) + 2 * (np.arange(5)[None, :, None] == target)
    pixels = PixelSample(maps.astype(np.float32), target, np.zeros(3000, np.intp))

    def miou(factors: np.ndarray) -> float:
        scaled = pixels.maps[0] * factors[:, None].astype(np.float32)
        return miou_of(confusion(target, scaled.argmax(0).astype(np.uint8), 5))

    expected = np.ones(5)
    best = miou(expected)
    for _ in range(3):
        for label in range(5):
            for step in (1.5, 1.2, 1.1, 1 / 1.1, 1 / 1.2, 1 / 1.5):
                tried = expected.copy()
                tried[label] *= step
                if (found := miou(tried)) > best:
                    expected, best = tried, found
    assert (expected != 1).any()
    assert FactorFit(pixels, MIOU)(np.ones(1, np.bool_)) == tuple(expected.round(4))
