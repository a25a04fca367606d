from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.data.photo_measures import measure, measure_photo

SIZES = ((20, 30), (128, 128), (50, 9))


def photos(channels: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(channels)
    return [
        (rng.integers(0, 256, (*size, channels)) // (1 + number)).astype(np.uint8)
        for number, size in enumerate(SIZES)
    ]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_figures_are_those_of_the_pixels_and_each_photo_counts_the_same(channels: int) -> None:
    images = photos(channels)
    found = measure([measure_photo(image) for image in images])
    pixels = [image.astype(np.float64).reshape(-1, channels) for image in images]
    np.testing.assert_allclose(found.means, [each.mean(0) for each in pixels])
    np.testing.assert_allclose(found.brightness, [each.mean() for each in pixels])
    np.testing.assert_allclose(found.contrast, [each.std() for each in pixels])
    mean = np.mean([each.mean(0) for each in pixels], axis=0)
    variance = np.mean([((each - mean) ** 2).mean(0) for each in pixels], axis=0)
    np.testing.assert_allclose(found.mean_and_std[0] * 255, mean)
    np.testing.assert_allclose(found.mean_and_std[1] * 255, np.sqrt(variance))
    assert found.histogram.shape == (channels, 256)
    np.testing.assert_allclose(found.histogram.sum(axis=1), 1)
    assert np.isnan(found.saturation).all() == (channels != 3)


def test_detail_and_saturation_are_told_on_photos_of_which_they_are_known() -> None:
    grey = np.full((128, 128, 3), 90, np.uint8)
    chequered = grey.copy()
    chequered[np.add.outer(np.arange(128), np.arange(128)) % 2 == 1] = 100
    red = grey.copy()
    red[..., 0] = 150
    found = measure([measure_photo(image) for image in (grey, chequered, red)])
    np.testing.assert_allclose(found.detail, [0, 10, 0])
    np.testing.assert_allclose(found.saturation, [0, 0, 60])
