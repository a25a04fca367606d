from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.run_length_pieces import (
    HEADER,
    NAMES,
    Rows,
    bytes_of,
    contents,
    make,
    many,
    obvious_parse,
    read,
)
from toolkit.errors import TrashError, UsageError
from toolkit.formats.run_length import RunLength
from toolkit.submission.check import check_submission
from toolkit.submission.spec import row_order

GOOD = HEADER + "a.jpg_1,1 1\na.jpg_2,\na.jpg_3,\n"


def image(first: str = "", second: str = "", third: str = "") -> str:
    return f"{GOOD}b.jpg_1,{first}\nb.jpg_2,{second}\nb.jpg_3,{third}\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "row 1: the file is empty; expected ImageId_ClassId,EncodedPixels"),
        ("\ufeff" + GOOD, "row 1: the file begins with a byte order mark (BOM)"),
        (GOOD.replace("\n", "\r\n"), "row 1: Windows line end"),
        (GOOD[:-1], "row 4: no line end after the last row: the file may be cut off"),
        (GOOD + "\n", "row 5: empty line"),
        (GOOD + "b.jpg_1\n", "row 5: field 2 is missing: expected ImageId_ClassId,EncodedPixels"),
        (GOOD + "b.jpg_1,,\n", "row 5: field 3 is one too many"),
        (GOOD + 'b.jpg_1,"1 1\n', "row 5: the quote at byte 9 of the row is out of place"),
        (GOOD + "b.jpg,1 1\n", "row 5: field 1 is 'b.jpg', expected {image}_{label}"),
        (GOOD + "b.jpg_x,1 1\n", "row 5: field 1 is 'b.jpg_x', expected {image}_{label}"),
        (GOOD + "b.jpg_0,1 1\n", "row 5: label 0 has no rows; those that have are 1…3"),
        (GOOD + "b.jpg_110,\n", "row 5: label 110 has no rows; those that have are 1…3"),
        (GOOD + "b.jpg_1,\nb.jpg_3,\n", "row 5, b.jpg: no row of Glass"),
        (GOOD + "b.jpg_1,\nb.jpg_1,\n", "row 6, b.jpg: Paper is already in row 5"),
        (image("1 1 3"), "row 5, number 3, b.jpg: 3 numbers: the last start has no length"),
        (image("x 1"), "row 5, number 1, b.jpg: 'x' is not a number"),
        (image("1 nan"), "row 5, number 2, b.jpg: 'nan' is not a number"),
        (image("1 -1"), "row 5, number 2, b.jpg: '-1' is not a number"),
        (image("1 1.0"), "row 5, number 2, b.jpg: '1.0' is not a number"),
        (image("01 1"), "row 5, number 1, b.jpg: '01' has a leading zero"),
        (image("1  1"), "row 5, number 2, b.jpg: two spaces in a row"),
        (image(" 1 1"), "row 5, number 1, b.jpg: a space before the first number"),
        (image("1 1 "), "row 5, number 3, b.jpg: a space after the last number"),
        (image(" "), "row 5, number 1, b.jpg: a space before the first number"),
        (image("0 1"), "row 5, number 1, b.jpg: the run begins at 0, outside the pixels 1…6"),
        (image("7 1"), "row 5, number 1, b.jpg: the run begins at 7, outside the pixels 1…6"),
        (image("9" * 40 + " 1"), "row 5, number 1, b.jpg: the run begins at 99999999999999999999"),
        (image("1 1 6 2"), "row 5, number 4, b.jpg: the run from 6 of 2 pixels ends outside"),
        (image("1 " + "9" * 5000), "row 5, number 2, b.jpg: the run from 1 of 9999999999"),
        (image("2 0"), "row 5, number 2, b.jpg: the run has no pixels"),
        (
            image("3 1 1 1"),
            "row 5, number 3, b.jpg: the run begins at 1, but the one before ends at 3",
        ),
        (
            image("1 3 3 1"),
            "row 5, number 3, b.jpg: the run begins at 3, but the one before ends at 3",
        ),
        (
            image("5 2", "1 1 4 2"),
            "row 6, number 3, b.jpg: the run of Glass covers pixel 5, which Paper has already",
        ),
        (image("", "2 x", "y"), "row 6, number 2, b.jpg: 'x' is not a number"),
    ],
)
def test_names_row_and_number(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8", newline="")
    with pytest.raises(UsageError) as caught:
        list(make().read(path))
    assert expected in caught.value.message
    assert str(path) in caught.value.message


def test_a_name_that_is_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="row 2: the image id is not UTF-8 text"):
        read(make(), tmp_path / "a.csv", HEADER.encode() + b"\xff_1,\n")


def test_an_unknown_class_is_told_with_the_nearest(tmp_path: Path) -> None:
    format_ = make(cells=("{image}_{class}", "{pixels}"))
    with pytest.raises(
        UsageError, match=r"row 2: field 1: there is no class 'Glas'\. Did you mean Glass"
    ):
        read(format_, tmp_path / "a.csv", HEADER + "a.jpg_Glas,\n")


def test_a_class_without_pixels_must_say_so(tmp_path: Path) -> None:
    content = HEADER + "a.jpg_1,-1\na.jpg_2,\na.jpg_3,-1\n"
    with pytest.raises(
        UsageError, match=r"row 3, a\.jpg: no runs; a class that the image lacks is written -1"
    ):
        read(make(empty="-1"), tmp_path / "a.csv", content)


def check(path: Path, content: str, ids: Sequence[str]) -> list[str]:
    path.write_text(content, newline="")
    return [str(problem) for problem in check_submission(path, make(), ids, len(NAMES)).problems]


def test_the_check_tells_every_problem_once(tmp_path: Path) -> None:
    content = image("1 9", "x", "") + "c.jpg_1,\nc.jpg_2\nc.jpg_3,\na.jpg_1,\na.jpg_2,\na.jpg_3,\n"
    assert check(tmp_path / "a.csv", content, ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]) == [
        "row 5, number 2, b.jpg: the run from 1 of 9 pixels ends outside the map",
        "row 6, number 1, b.jpg: 'x' is not a number",
        "row 9: field 2 is missing: expected ImageId_ClassId,EncodedPixels",
        "row 11, a.jpg: the image is already in row 2",
        "1 of 4 images has no row: d.jpg",
    ]


def test_the_check_tells_a_missing_row_and_a_header_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert check(path, HEADER, ["a.jpg"]) == ["1 of 1 image has no row: a.jpg"]
    assert check(path, GOOD.replace("a.jpg_2,\n", ""), ["a.jpg"]) == [
        "row 2, a.jpg: no row of Glass"
    ]


mutations = st.tuples(
    st.sampled_from(["replace", "insert", "delete", "cut", "repeat", "swap"]),
    st.integers(0, 300),
    st.integers(0, 12),
    st.sampled_from([b" ", b'"', b",", b"\r", b"\n", b"0", b"1", b"2", b"9", b"_", b"-1", b"nan"])
    | st.binary(max_size=3),
)


def mutate(data: bytes, how: str, at: int, length: int, new: bytes) -> bytes:
    at %= len(data) + 1
    lines = data.split(b"\n")
    if how == "swap":
        row = at % len(lines)
        return b"\n".join([*lines[:row], *lines[row + 1 : row + 2], lines[row], *lines[row + 2 :]])
    return {
        "replace": data[:at] + new + data[at + len(new) :],
        "insert": data[:at] + new + data[at:],
        "delete": data[:at] + data[at + length :],
        "cut": data[:at],
        "repeat": data[: at + length] + data[at:],
    }[how]


@settings(many, max_examples=500)
@given(contents(), st.lists(mutations, min_size=1, max_size=3))
def test_accepts_what_a_strict_parser_accepts_and_nothing_else(
    tmp_path: Path, content: tuple[RunLength, Rows], edits: list[tuple[str, int, int, bytes]]
) -> None:
    format_, rows = content
    data = bytes_of(format_, rows)
    for edit in edits:
        data = mutate(data, *edit)
    expected = obvious_parse(data, format_)
    path = tmp_path / "a.csv"
    if expected is not None:
        assert read(format_, path, data) == expected
        return
    with pytest.raises(UsageError, match=r"a\.csv: row "):
        read(format_, path, data)
    assert any(row.problems for row in format_.inspect(path))


@pytest.mark.parametrize(
    ("options", "parameter", "message"),
    [
        ({"cells": ("{image}",)}, "cells", "2 columns, but 1 cell"),
        ({"cells": ("{image}_{lable}", "{pixels}")}, "cells", r"\{lable\} is unknown"),
        ({"cells": ("{image}", "{pixels}")}, "cells", r"must have \{label\} or \{class\} in one"),
        ({"cells": ("{label}", "{pixels}")}, "cells", r"must have \{image\} in one"),
        (
            {"cells": ("{image}{class}{label}", "{pixels}")},
            "cells",
            r"\{label\} or \{class\} in one",
        ),
        (
            {"cells": ("{image}_{label}", "x{pixels}")},
            "cells",
            r"must have \{pixels\} as one column",
        ),
        ({"empty": "1 1"}, "empty", "could be a run"),
        ({"class_names": ("Background",)}, "", "no class beside the background"),
    ],
)
def test_options_that_cannot_work_are_refused(
    options: dict[str, Any], parameter: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make(**options)
    assert caught.value.parameter == parameter


def test_an_id_that_reads_as_another_image_is_refused() -> None:
    format_ = make(
        (1, 1), cells=("{image}_{class}", "{pixels}"), class_names=("B", "bag", "big_bag")
    )
    bytes_of(format_, [("a_1", np.zeros((1, 1), np.uint8))])
    with pytest.raises(UsageError, match="a_big_bag would not be read as bag of a_big") as caught:
        bytes_of(format_, [("a_big", np.zeros((1, 1), np.uint8))])
    assert caught.value.parameter == "cells"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.full((2, 2), 4, np.uint8), "uint8 below 4, got uint8 up to 4"),
        (np.zeros((2, 2)), "float64"),
    ],
)
def test_refuses_to_write_what_is_no_label(labels: Any, message: str) -> None:
    with pytest.raises(TrashError, match=message):
        bytes_of(make(), [("a.jpg", labels)])


def test_a_sample_submission_gives_the_order(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    text = "".join(f"{i}_{label},1 1\r\n" for i in ("c.jpg", "a.jpg", "b.jpg") for label in "213")
    path.write_text("\ufeffImageId_ClassId,EncodedPixels\r\n" + text + "\r\n", newline="")
    ids = ["a.jpg", "b.jpg", "c.jpg"]
    assert row_order(ids, path, make()) == ("c.jpg", "a.jpg", "b.jpg")
    path.write_text("ImageId,ClassId,EncodedPixels\nb.jpg,1,\nb.jpg,2,\na.jpg,1,\nc.jpg,1,\n")
    apart = make(
        columns=("ImageId", "ClassId", "EncodedPixels"), cells=("{image}", "{label}", "{pixels}")
    )
    assert row_order(ids, path, apart) == ("b.jpg", "a.jpg", "c.jpg")
    with pytest.raises(UsageError, match=r"columns ImageId,ClassId,EncodedPixels, but"):
        row_order(ids, path, make())
    path.write_text("ImageId_ClassId,EncodedPixels\na.jpg_1,\nb.jpg,\n")
    with pytest.raises(UsageError, match=r"sample\.csv: row 3: field 1 is 'b\.jpg', expected"):
        row_order(ids, path, make())
    path.write_text("ImageId_ClassId,EncodedPixels\na.jpg_1\n")
    with pytest.raises(UsageError, match=r"row 2: expected \{image\}_\{label\}, \{pixels\}"):
        row_order(ids, path, make())
