from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.submission.aligned import Readable, read_together

NAMES = ("Background", "Paper", "Glass")
IDS = tuple("abcdef")


def labels_of(seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 3, (2, 3), np.uint8)


def written(
    path: Path,
    rows: Mapping[str, NDArray[np.uint8]],
    size: tuple[int, int] = (2, 3),
    names: tuple[str, ...] = NAMES,
) -> Readable:
    format_ = MaskString(size, ("image_id", "PredictionString"), len(names))
    with path.open("wb") as file:
        format_.write(file, rows.items())
    return Readable(path, format_, names)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.permutations(IDS), st.permutations(IDS), st.none() | st.permutations(IDS))
def test_rows_meet_by_image_whatever_their_order(
    tmp_path: Path, second: list[str], third: list[str], order: list[str] | None
) -> None:
    contents = [
        {name: labels_of(100 * file + ord(name)) for name in names}
        for file, names in enumerate((IDS, second, third))
    ]
    files = [written(tmp_path / f"{n}.csv", rows) for n, rows in enumerate(contents)]
    met = list(read_together(files, order))
    assert [image_id for image_id, _ in met] == list(order or IDS)
    for image_id, found in met:
        for labels, rows in zip(found, contents, strict=True):
            assert labels.tolist() == rows[image_id].tolist()


def test_an_image_that_a_file_lacks(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", {name: labels_of(0) for name in ("img1.jpg", "img2.jpg")})
    second = written(tmp_path / "b.csv", {name: labels_of(0) for name in ("img1.jpg", "img3.jpg")})
    with pytest.raises(
        UsageError, match=r"b\.csv has no row of img2\.jpg, which .*a\.csv"
    ) as error:
        list(read_together([first, second]))
    assert error.value.hint == "Did you mean img3.jpg?"
    with pytest.raises(UsageError, match=r"a\.csv has no row of img3\.jpg$"):
        list(read_together([first, second], ["img1.jpg", "img3.jpg"]))


@pytest.mark.parametrize("order", [None, ("img1.jpg", "img2.jpg", "img3.jpg")])
def test_a_row_with_its_own_place_is_not_taken_for_the_missing_one(
    tmp_path: Path, order: tuple[str, ...] | None
) -> None:
    rows = {f"img{number}.jpg": labels_of(0) for number in (1, 2, 3)}
    first = written(tmp_path / "a.csv", rows)
    del rows["img1.jpg"]
    second = written(tmp_path / "b.csv", rows)
    with pytest.raises(UsageError, match=r"has no row of img1\.jpg") as error:
        list(read_together([first, second], order))
    assert "trash submission check" in error.value.hint


def test_an_image_too_many(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", {"a": labels_of(0)})
    second = written(tmp_path / "b.csv", {"a": labels_of(0), "b": labels_of(1)})
    early = written(tmp_path / "c.csv", {"b": labels_of(1), "a": labels_of(0)})
    for other in (second, early):
        with pytest.raises(UsageError, match=r"[bc]\.csv: b is not an image of .*a\.csv"):
            list(read_together([first, other]))
    with pytest.raises(UsageError, match=r"b\.csv: b is not an image of the test set"):
        list(read_together([second, second], ["a"]))


def test_an_image_twice(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", {"a": labels_of(0), "b": labels_of(1)})
    lines = first.path.read_text().splitlines()
    (tmp_path / "b.csv").write_text("\n".join([*lines, lines[1], ""]))
    second = Readable(tmp_path / "b.csv", first.format, NAMES)
    for files in ([first, second], [second, first]):
        with pytest.raises(UsageError, match=r"b\.csv: a has two rows"):
            list(read_together(files))


def test_files_of_other_sizes_or_classes(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", {"a": labels_of(0)})
    large = written(tmp_path / "b.csv", {"a": labels_of(0)}, size=(4, 6))
    with pytest.raises(UsageError, match=r"a\.csv has maps of 2 × 3 pixels, .*b\.csv of 4 × 6"):
        list(read_together([first, large]))
    other = written(tmp_path / "c.csv", {"a": labels_of(0)}, names=("none", "Paper", "Glass"))
    with pytest.raises(UsageError, match="different classes: Background, Paper, Glass and none,"):
        list(read_together([first, other]))


def test_a_format_that_breaks_its_word(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", {"a": labels_of(0)})

    class Careless(MaskString):
        def read(self, path: Path):  # type: ignore[no-untyped-def]
            yield "a", self.labels

    careless = Careless((2, 3), ("image_id", "PredictionString"), 3)
    careless.labels = np.zeros((3, 2), np.uint8)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"a\.csv: a: the map is 3 × 2, expected 2 × 3"):
        list(read_together([Readable(first.path, careless, NAMES)]))
    careless.labels = np.full((2, 3), 3, np.uint8)  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"a\.csv: a: label 3 is outside the 3 classes"):
        list(read_together([Readable(first.path, careless, NAMES)]))


def test_one_image_at_a_time_is_read(tmp_path: Path) -> None:
    rows = {name: labels_of(0) for name in IDS}
    file = written(tmp_path / "a.csv", rows)
    text = file.path.read_bytes()
    file.path.write_bytes(text[:-5])
    together = read_together([file, file])
    for _ in IDS[:-1]:
        next(together)
    with pytest.raises(UsageError, match=r"a\.csv: row 7"):
        next(together)


def test_files_of_other_pixels_of_the_photos_do_not_go_together(tmp_path: Path) -> None:
    rows = {name: labels_of(0) for name in IDS}
    corner, centre = written(tmp_path / "a.csv", rows), written(tmp_path / "b.csv", rows)
    centre = replace(centre, format=replace(centre.format, nearest="centre"))
    with pytest.raises(
        UsageError, match=r"a\.csv holds the corner pixels .*b\.csv the centre ones"
    ):
        next(read_together([corner, centre]))
    assert len(list(read_together([centre, centre]))) == len(IDS)
