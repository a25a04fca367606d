from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.data.labels import LabelMap
from toolkit.data.split import Split
from toolkit.errors import UsageError
from toolkit.plugin.reader import ImageRecord
from toolkit.report.submission_sheet import (
    difference_sheet,
    overlay_sheet,
    require_photos,
    truth_sheet,
)
from toolkit.report.thumbnails import class_colours

NAMES = ("Background", "Paper", "Glass")


@pytest.fixture
def photos(tmp_path: Path) -> Split:
    """A landscape and a portrait photo, both black."""
    records = [ImageRecord(0, "wide.png", 120, 60), ImageRecord(1, "high.png", 60, 120)]
    for record in records:
        black = np.zeros((record.height, record.width, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / record.file_name), black)
    return Split(
        name="test",
        file=tmp_path / "test.json",
        root=tmp_path,
        images=tuple(records),
        labels=LabelMap(NAMES, {}),
        overlap="max-id",
        ignore_index=255,
        digest="",
    )


def labels(label: int, share: float = 1.0) -> NDArray[np.uint8]:
    """The left share of a square map has the label."""
    found = np.zeros((100, 100), np.uint8)
    found[:, : round(100 * share)] = label
    return found


def area(sheet: NDArray[np.uint8], label: int) -> int:
    """Pixels in the tint of a class over a black photo."""
    tint = np.round(class_colours(len(NAMES))[label] * 0.75)
    return int((np.abs(sheet - tint) <= 1).all(axis=2).sum())


def test_overlays_have_the_shape_of_their_photos(photos: Split) -> None:
    sheet = overlay_sheet(
        [("wide.png", labels(1, 0.5)), ("high.png", labels(2))], photos, NAMES, "a.csv"
    )
    assert area(sheet, 1) == pytest.approx(352 * 176 / 2, rel=0.02)
    assert area(sheet, 2) == pytest.approx(352 * 704, rel=0.02)
    one = overlay_sheet([("wide.png", labels(1, 0.5))], photos, NAMES, "a.csv")
    assert area(one, 1) == pytest.approx(712 * 356 / 2, rel=0.02)
    assert area(one, 2) == 0


def test_differing_pixels_are_white(photos: Split) -> None:
    names = ("a.csv", "b.csv")
    sheet = difference_sheet([("wide.png", labels(1, 0.5), labels(1, 0.75))], photos, NAMES, names)
    left, right = sheet[:, : 3 * 360], sheet[80:, 3 * 360 + 8 : 4 * 360]
    assert area(left, 1) == pytest.approx(352 * 176 * 1.25, rel=0.02)
    white = (right == 191).all(axis=2)
    assert white.sum() == pytest.approx(352 * 176 / 4, rel=0.02)
    columns = np.flatnonzero(white.any(axis=0))
    assert (columns.min() / 352, columns.max() / 352) == pytest.approx((0.5, 0.75), abs=0.01)


def test_photos_that_are_not_here(photos: Split) -> None:
    require_photos(photos, ["wide.png", "high.png"])
    with pytest.raises(UsageError, match=r"wid\.png is not an image of .*test\.json") as error:
        require_photos(photos, ["wid.png"])
    assert error.value.hint == "Did you mean wide.png?"
    photos.path(1).unlink()
    with pytest.raises(UsageError, match=r"the photo .*high\.png is not here") as error:
        require_photos(photos, ["wide.png", "high.png"])
    assert "--data FOLDER" in error.value.hint


def test_truth_stands_between_photo_and_labels(photos: Split) -> None:
    sheet = truth_sheet(
        [("wide.png", labels(1, 0.5), labels(2)), ("high.png", labels(1), labels(1))],
        photos,
        NAMES,
        "a.csv",
    )
    # Two columns of 712 pixels: the high photo is 712 high, 356 wide, in the middle of its column.
    assert area(sheet, 1) == pytest.approx(712 * 356 / 2 + 2 * 712 * 356, rel=0.02)
    assert area(sheet, 2) == pytest.approx(712 * 356, rel=0.02)
    photo, truth, found = np.array_split(sheet[78:], 3)
    assert area(photo, 1) == area(photo, 2) == area(truth, 2) == 0
    assert area(truth, 1) > area(found, 1) > 0


def test_pixels_that_are_not_scored_are_neither_right_nor_wrong(photos: Split) -> None:
    ignored, half = labels(255), labels(255, 0.5)
    sheets = [
        truth_sheet([("wide.png", truth, labels(0))], photos, NAMES, "a.csv")
        for truth in (ignored, half, labels(0))
    ]
    captions = [sheet[-712 - 26 - 8 : -712 - 8] for sheet in sheets]
    assert (captions[0] != captions[1]).any()
    assert (captions[1] == captions[2]).all()
