from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.submission.check import CheckReport, check_submission

COLUMNS = ("image_id", "PredictionString")
FORMAT = MaskString((2, 2), COLUMNS, 3)
IDS = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")


def checked(path: Path, rows: Sequence[str], limit: int = 50) -> CheckReport:
    path.write_text("".join(f"{row}\n" for row in (",".join(COLUMNS), *rows)))
    return check_submission(path, FORMAT, IDS, 3, limit)


def messages(report: CheckReport) -> list[str]:
    return [str(problem) for problem in report.problems]


def rows_of(ids: Iterable[str]) -> list[str]:
    return [f"{image_id},0 1 2 0" for image_id in ids]


def test_a_valid_file_has_shares_and_no_problem(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", [*rows_of(IDS[:3]), "d.jpg,0 0 0 0"])
    assert report.valid
    assert report.complete
    assert report.n_rows == 4
    assert report.warnings == ()
    assert report.class_shares == (10 / 16, 3 / 16, 3 / 16)


def test_a_missing_row(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", rows_of(["a.jpg", "c.jpg", "d.jpg"]))
    assert messages(report) == ["1 of 4 images has no row: b.jpg; the first belongs before row 3"]
    assert not report.valid


def test_a_header_alone(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", [])
    assert messages(report) == ["4 of 4 images have no row: a.jpg, b.jpg, c.jpg, …"]
    assert report.class_shares == ()


def test_a_row_of_another_image_with_the_nearest_name(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", [*rows_of(IDS), "bb.jpg,0 0 0 0"])
    assert messages(report) == ["row 6, bb.jpg: not an image of the test set. Did you mean b.jpg?"]


def test_a_row_twice(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", rows_of([*IDS, "b.jpg"]))
    assert messages(report) == ["row 6, b.jpg: the image is already in row 3"]


def test_rows_in_another_order(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", rows_of(["a.jpg", "c.jpg", "b.jpg", "d.jpg"]))
    assert messages(report) == [
        "row 3, c.jpg: wrong order from here on: expected b.jpg (2 rows misplaced)"
    ]


def test_order_is_judged_among_the_rows_that_are_there(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", rows_of(["b.jpg", "x.png", "d.jpg"]))
    assert not any("order" in message for message in messages(report))


def test_collects_problems_of_every_kind(tmp_path: Path) -> None:
    report = checked(
        tmp_path / "a.csv", ["a.jpg,0 0 0", "b.jpg,0 3 0 0", "b.jpg,0 0 0 0", "c.jpg,1 1 1 1"]
    )
    assert messages(report) == [
        "row 2, label 3, a.jpg: 3 labels; expected 4 (2 × 2)",
        "row 3, label 2, b.jpg: label 3 is outside the 3 classes (0…2)",
        "row 4, b.jpg: the image is already in row 3",
        "1 of 4 images has no row: d.jpg",
    ]


def test_windows_line_ends_are_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = "\r\n".join([",".join(COLUMNS), *rows_of(IDS), ""])
    path.write_bytes(text.encode())
    report = check_submission(path, FORMAT, IDS, 3)
    assert len(report.problems) == 1
    assert "Windows line end" in report.problems[0].message
    assert report.n_rows == 4


def test_stops_at_the_limit(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", ["x"] * 1000, limit=7)
    assert len(report.problems) == 7
    assert not report.complete
    assert report.problems[-1].row == 8


def test_warns_of_collapsed_predictions(tmp_path: Path) -> None:
    report = checked(tmp_path / "a.csv", [f"{image_id},0 0 0 0" for image_id in IDS])
    assert report.valid
    assert report.warnings == (
        "label 0 covers 100.0% of all pixels: have the predictions collapsed?",
    )


def test_the_digest_of_the_labels_knows_no_order(tmp_path: Path) -> None:
    rows = ["a.jpg,0 1 2 0", "b.jpg,0 0 0 0", "c.jpg,1 1 1 1"]
    digest = checked(tmp_path / "a.csv", rows).labels_digest
    assert checked(tmp_path / "a.csv", rows[::-1]).labels_digest == digest
    for changed in (
        rows[:2],
        [*rows, "d.jpg,1 1 1 1"],
        ["a.jpg,0 1 2 1", *rows[1:]],
        ["a.jpg,0 0 0 0", "b.jpg,0 1 2 0", rows[2]],
    ):
        assert checked(tmp_path / "a.csv", changed).labels_digest != digest


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the submission"):
        check_submission(tmp_path / "gone.csv", FORMAT, IDS, 3)


class ListFormat:
    """A format that a plugin might offer: it can only be read from front to end."""

    suffix = ".txt"
    size = (1, 2)

    def write(self, target: BinaryIO, rows: Iterable[tuple[str, NDArray[np.uint8]]]) -> None:
        raise NotImplementedError

    def read(self, path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        for line in path.read_text().splitlines():
            if line == "broken":
                raise UsageError(f"{path}: line is broken")
            name, *labels = line.split()
            yield name, np.array([labels], np.uint8)


def test_other_formats_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a 0 1\nb 0 3\nc 0 1 1\nbroken\nd 0 0\n")
    report = check_submission(path, ListFormat(), ["a", "b", "c", "d"], 3)
    assert messages(report) == [
        "row 3, label 2, b: label 3 is outside the 3 classes (0…2)",
        "row 4, c: the map is 1 × 3, expected 1 × 2",
        f"{path}: line is broken",
        "1 of 4 images has no row: d",
    ]


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.sampled_from([*IDS, "e.jpg"]), max_size=6))
def test_valid_means_exactly_these_images_in_this_order(tmp_path: Path, ids: list[str]) -> None:
    report = checked(tmp_path / "a.csv", rows_of(ids))
    assert report.valid == (tuple(ids) == IDS)
