from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.submission.aligned import Readable
from toolkit.submission.selection import pick, spread

FORMAT = MaskString((1, 2), ("image_id", "PredictionString"), 3)


def readable(path: Path, text: str) -> Readable:
    path.write_text(f"image_id,PredictionString\n{text}")
    return Readable(path, FORMAT, ("B", "P", "G"))


def test_images_are_spread_over_the_list() -> None:
    assert spread("abcdefgh", 4) == ["a", "c", "e", "g"]
    assert spread("abc", 2) == ["a", "b"]
    assert spread("abc", 9) == ["a", "b", "c"]
    assert spread("", 3) == []


def test_picked_in_the_order_asked_for_and_not_read_further(tmp_path: Path) -> None:
    file = readable(tmp_path / "a.csv", "x,0 1\ny,2 2\nz,broken\n")
    found = pick([file], ["y", "x"])
    maps = [(name, labels.tolist()) for name, (labels,) in found]
    assert maps == [("y", [[2, 2]]), ("x", [[0, 1]])]


def test_images_of_two_files_are_picked_together(tmp_path: Path) -> None:
    first = readable(tmp_path / "a.csv", "x,0 1\ny,2 2\n")
    second = readable(tmp_path / "b.csv", "y,1 1\nx,0 0\n")
    ((name, (one, other)),) = pick([first, second], ["y"])
    assert (name, one.tolist(), other.tolist()) == ("y", [[2, 2]], [[1, 1]])


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    file = readable(tmp_path / "a.csv", "x,0 1\n")
    with pytest.raises(UsageError, match=r"a\.csv has no row of z"):
        pick([file], ["x", "z"])
