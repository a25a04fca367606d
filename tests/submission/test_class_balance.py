from __future__ import annotations

import pytest

from toolkit.submission.class_balance import share_warnings

NAMES = ("Background", "Paper", "Glass", "Metal")


def test_classes_that_vanished_and_collapsed() -> None:
    found = list(share_warnings((0.9795, 0.0, 0.0005, 0.02), (0.8, 0.1, 0.05, 0.05), NAMES))
    assert found == [
        "1 class vanished: Paper 0 % of the pixels, 10 % on the validation split",
        "1 class collapsed: Glass 0.05 % of the pixels, 5 % on the validation split",
    ]
    (only,) = share_warnings((1, 0, 0, 0), (0.7, 0.1, 0.1, 0.1), NAMES)
    assert only.startswith(
        "3 classes vanished: Paper 0 % of the pixels, 10 % on the validation split; Glass"
    )


@pytest.mark.parametrize(
    ("shares", "usual"),
    [
        ((0.9, 0.011, 0.05, 0.04), (0.8, 0.1, 0.05, 0.05)),  # rarer, but there
        ((0.9, 0.1, 0.0, 0.0), (0.9, 0.1, 0.0, 0.0)),  # never there
        ((1.0, 0.0, 0.0, 0.0), ()),  # unknown
        ((), (0.8, 0.1, 0.05, 0.05)),  # nothing could be read
    ],
)
def test_nothing_to_say(shares: tuple[float, ...], usual: tuple[float, ...]) -> None:
    assert list(share_warnings(shares, usual, NAMES)) == []
