"""Any number of channels: each is changed as it would be alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from toolkit.data.channels import by_channels, rgb_picture
from toolkit.data.resize import resize_image


def noise(channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (37, 50, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 13, 64])
@pytest.mark.parametrize("size", [(20, 31), (60, 80), (20, 80), (37, 50)])
def test_every_channel_is_resized_as_a_photo_of_its_own(
    channels: int, size: tuple[int, int]
) -> None:
    image = noise(channels)
    alone = [resize_image(np.ascontiguousarray(image[..., n]), size) for n in range(channels)]
    found = resize_image(image, size)
    np.testing.assert_array_equal(found, np.stack(alone, axis=2))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 6, 7, 13])
def test_functions_that_take_four_channels_at_most_take_all(channels: int) -> None:
    matrix = np.array([[0.9, 0.1, 3], [-0.1, 1.1, -2]])

    def warp(part: np.ndarray) -> np.ndarray:
        assert part.ndim == 2 or part.shape[2] in (1, 3, 4)
        return cv2.warpAffine(part, matrix, (44, 41), borderMode=cv2.BORDER_REFLECT_101)

    image = noise(channels)
    alone = [warp(np.ascontiguousarray(image[..., n])) for n in range(channels)]
    np.testing.assert_array_equal(by_channels(image, warp), np.stack(alone, axis=2))


def test_a_picture_is_the_first_three_channels_or_the_first_as_grey() -> None:
    for channels in (1, 2, 3, 4, 9):
        image = noise(channels)
        shown = image[..., :3] if channels > 2 else image[..., :1].repeat(3, axis=2)
        np.testing.assert_array_equal(rgb_picture(image), shown)
    rgb = noise(3)
    assert rgb_picture(rgb) is rgb
