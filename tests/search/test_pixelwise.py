from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.miou import MIOU
from toolkit.ensemble.stacking import Stacking
from toolkit.metrics.checked import checked
from toolkit.metrics.confusion import confusion
from toolkit.metrics.scores import Metrics
from toolkit.progress import SilentProgress
from toolkit.search.cross_validation import Fits, repeated_k_fold
from toolkit.search.held_out import HeldOut
from toolkit.search.pixelwise import scaled_means, score_fits, stacked
from toolkit.search.stacking_fit import StackingNumbers


def _confusion(
    held_out: HeldOut, image: int, combine: Callable[..., np.ndarray], fit: object
) -> np.ndarray:
    """Count the pixels of an image by one fit."""
    target = held_out.target(image)
    labels = combine(list(held_out.maps(image)), fit)[:, 0].argmax(0).astype(np.uint8)
    labelled = target != held_out.ignore_index
    return confusion(target[labelled], labels[labelled], held_out.n_classes)


def test_every_image_is_scored_by_the_fit_without_it(
    make_held_out: Callable[..., HeldOut],
) -> None:
    held_out = make_held_out(1.0, 2.0)
    c, division = held_out.n_classes, repeated_k_fold(held_out.n_images, 3, 2, seed=0)
    rng = np.random.default_rng(0)
    metrics = Metrics("miou", {"miou": checked("miou", MIOU)}, held_out.class_names)

    def numbers() -> StackingNumbers:
        return StackingNumbers(rng.normal(0.5, 0.3, (2, c)), rng.normal(0, 0.5, c))

    def factors() -> tuple[float, ...]:
        return tuple(rng.uniform(0.5, 2, c))

    def by_stacking(maps: list[np.ndarray], fit: StackingNumbers) -> np.ndarray:
        return Stacking(fit.weights, fit.bias, c)(maps)

    def by_factors(maps: list[np.ndarray], fit: tuple[float, ...]) -> np.ndarray:
        return np.mean(maps, axis=0) * np.reshape(fit, (-1, 1, 1))

    for make, combine, slow in (
        (numbers, stacked, by_stacking),
        (factors, scaled_means, by_factors),
    ):
        fits = Fits(make(), tuple(tuple(make() for _ in range(3)) for _ in range(2)))
        found = score_fits(fits, division, held_out, combine, metrics, SilentProgress())
        for image in range(held_out.n_images):
            expected = _confusion(held_out, image, slow, fits.whole)
            np.testing.assert_array_equal(found.fitted[image], expected)
            for repeat in range(2):
                own = fits.without[repeat][division.fold_of[repeat, image]]
                expected = _confusion(held_out, image, slow, own)
                np.testing.assert_array_equal(found.honest[repeat, image], expected)
