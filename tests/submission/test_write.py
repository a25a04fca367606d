from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import TrashError
from toolkit.formats.mask_string import MaskString
from toolkit.progress import SilentProgress
from toolkit.submission.write import write_checked

FORMAT = MaskString((1, 2), ("image_id", "PredictionString"), 3)


def labels(*values: list[int]) -> Iterator[NDArray[np.uint8]]:
    for row in values:
        yield np.array([row], np.uint8)


def test_a_valid_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    output = tmp_path / "new" / "a.csv"
    report = write_checked(output, FORMAT, labels([0, 1], [2, 0]), ("x", "y"), 3, SilentProgress())
    assert report.n_rows == 2
    assert output.read_text() == "image_id,PredictionString\nx,0 1\ny,2 0\n"


def test_a_file_that_its_format_cannot_read_is_not_kept(tmp_path: Path) -> None:
    class Careless(MaskString):
        def write(self, target, rows):  # type: ignore[no-untyped-def]
            super().write(target, [*rows][:-1])

    careless = Careless((1, 2), ("image_id", "PredictionString"), 3)
    (tmp_path / "a.csv").write_text("precious")
    with pytest.raises(TrashError, match="is not valid: 1 of 2 images has no row: y"):
        write_checked(
            tmp_path / "a.csv", careless, labels([0, 1], [2, 0]), ("x", "y"), 3, SilentProgress()
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "precious"
