from __future__ import annotations

from typing import Any

import pytest

from toolkit.data.photo_set import PhotoSet
from toolkit.files import digest_of
from toolkit.predict.exposure import Exposure, combined_exposure, exposure_in

A, B, C = (digest_of(name) for name in "abc")


def test_comes_back_from_a_lineage() -> None:
    exposure = Exposure(PhotoSet.of([A, B]), ("old.pt",))
    assert exposure_in({"photos": exposure.as_json()}, "me") == exposure


def test_of_several_networks_are_all_photos_and_all_that_is_untold() -> None:
    one, other = Exposure(PhotoSet.of([A]), ("x",)), Exposure(PhotoSet.of([B]), ("y", "x"))
    total = combined_exposure([one, other])
    assert [content in total.photos for content in (A, B, C)] == [True, True, False]
    assert total.unrecorded == ("x", "y")


@pytest.mark.parametrize(
    "lineage",
    [
        {},
        {"photos": None},
        {"photos": {"trained": 5, "unrecorded": []}},
        {"photos": {"trained": "?", "unrecorded": []}},
        {"photos": {"trained": ""}},
        {"photos": {"trained": "", "unrecorded": 3}},
    ],
)
def test_what_is_not_noted_or_damaged_is_untold(lineage: dict[str, Any]) -> None:
    assert exposure_in(lineage, "me") == Exposure(unrecorded=("me",))
