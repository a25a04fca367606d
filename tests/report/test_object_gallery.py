from __future__ import annotations

import numpy as np
import pytest

from toolkit.report.object_gallery import outlined

YELLOW = (255, 255, 0)


@pytest.mark.parametrize("place", [(50, 70), (0, 0), (95, 155)])
def test_a_tiny_object_is_shown_in_its_place_with_its_outline(place: tuple[int, int]) -> None:
    photo = np.full((100, 160, 3), 90, np.uint8)
    shown = np.zeros((100, 160), np.bool_)
    rows, columns = (slice(start, start + 4) for start in place)
    shown[rows, columns] = True
    photo[shown] = (200, 30, 30)
    picture = outlined(photo, shown)
    assert picture.shape == (112, 112, 3)
    drawn = (picture == YELLOW).all(axis=2)
    found = np.argwhere(drawn)
    height, width = found.max(axis=0) - found.min(axis=0) + 1
    assert (height, width) == pytest.approx((4 * 112 / 24, 4 * 112 / 24), abs=1.01)
    inside = picture[tuple(found.mean(axis=0).round().astype(int))]
    np.testing.assert_allclose(inside, (200, 30, 30), atol=6)


def test_an_object_as_large_as_its_photo_keeps_the_proportions() -> None:
    shown = np.zeros((50, 200), np.bool_)
    shown[:, 3:] = True
    picture = outlined(np.zeros((50, 200, 3), np.uint8), shown)
    assert picture.shape == (28, 112, 3)
