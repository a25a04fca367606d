from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from tests.formats.run_length_pieces import (
    HEADER,
    Rows,
    bytes_of,
    contents,
    make,
    many,
    obvious_parse,
    pixels_of,
    read,
)
from toolkit.formats.run_length import Order, RunLength

COLUMNS, CELLS = ("ImageId_ClassId", "EncodedPixels"), ("{image}_{label}", "{pixels}")


def obvious_runs(labels: NDArray[np.uint8], label: int, order: Order, first: int) -> list[int]:
    """Pixel by pixel."""
    numbers: list[int] = []
    before = False
    for number, pixel in enumerate(pixels_of(labels.shape, order), start=first):
        inside = labels[pixel] == label
        if inside and not before:
            numbers += [number, 0]
        if inside:
            numbers[-1] += 1
        before = inside
    return numbers


def obvious_bytes(format_: RunLength, rows: Rows) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(format_.columns)
    for image_id, labels in rows:
        for label in range(1, len(format_.class_names)):
            runs = obvious_runs(labels, label, format_.order, format_.first_pixel)
            writer.writerow([f"{image_id}_{label}", " ".join(map(str, runs))])
    return text.getvalue().encode()


@many
@given(contents())
def test_writes_the_obvious_bytes_and_reads_them_back(
    tmp_path: Path, content: tuple[RunLength, Rows]
) -> None:
    format_, rows = content
    data = bytes_of(format_, rows)
    assert data == obvious_bytes(format_, rows)
    expected = [(image_id, labels.tolist()) for image_id, labels in rows]
    assert obvious_parse(data, format_) == expected
    assert read(format_, tmp_path / "a.csv", data) == expected


@pytest.mark.parametrize("order", ["column-major", "row-major"])
@pytest.mark.parametrize("size", [(256, 256), (300, 70), (1, 20_000), (1000, 1100)])
def test_writes_the_obvious_runs_of_many_digits(
    tmp_path: Path, size: tuple[int, int], order: Order
) -> None:
    rng = np.random.default_rng(0)
    labels = np.sort(rng.integers(0, 4, size).astype(np.uint8), axis=1)
    labels[::7, : size[1] // 2] = 2
    format_ = make(size, order, 0)
    data = bytes_of(format_, [("a.jpg", labels)])
    flat = labels.ravel("F" if order == "column-major" else "C")
    for label, line in enumerate(data.decode().splitlines()[1:], start=1):
        edges = np.flatnonzero(np.diff(np.pad((flat == label).astype(int), 1)))
        expected = [
            value for a, b in zip(edges[::2], edges[1::2], strict=True) for value in (a, b - a)
        ]
        assert line == f"a.jpg_{label}," + " ".join(map(str, expected))
    ((_, back),) = read(format_, tmp_path / "a.csv", data)
    np.testing.assert_array_equal(back, labels)


def test_numbers_pixels_as_the_contests_do(tmp_path: Path) -> None:
    # 0 1 1
    # 2 1 0
    labels = np.array([[0, 1, 1], [2, 1, 0]], np.uint8)
    # Down the columns the pixels are 0 2 | 1 1 | 1 0, along the rows 0 1 1 | 2 1 0.
    for order, first, paper, glass in (
        ("column-major", 1, "3 3", "2 1"),
        ("column-major", 0, "2 3", "1 1"),
        ("row-major", 1, "2 2 5 1", "4 1"),
        ("row-major", 0, "1 2 4 1", "3 1"),
    ):
        format_ = make(order=order, first_pixel=first)  # type: ignore[arg-type]
        expected = f"{HEADER}a.jpg_1,{paper}\na.jpg_2,{glass}\na.jpg_3,\n"
        assert bytes_of(format_, [("a.jpg", labels)]).decode() == expected
        assert read(format_, tmp_path / "a.csv", expected) == [("a.jpg", labels.tolist())]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"columns": ("Image_Label", "EncodedPixels"), "cells": ("{image}_{class}", "{pixels}")},
            "Image_Label,EncodedPixels\na_1.jpg_Paper,1 1\na_1.jpg_Glass,\n"
            "a_1.jpg_Plastic bag,2 1\n",
        ),
        (
            {
                "columns": ("ImageId", "EncodedPixels", "ClassId"),
                "cells": ("{image}", "{pixels}", "{label}"),
                "empty": "-1",
            },
            "ImageId,EncodedPixels,ClassId\na_1.jpg,1 1,1\na_1.jpg,-1,2\na_1.jpg,2 1,3\n",
        ),
        (
            {
                "columns": ("id", "class", "kind", "segmentation"),
                "cells": ("{image}", "{class}", "stuff", "{pixels}"),
            },
            "id,class,kind,segmentation\na_1.jpg,Paper,stuff,1 1\na_1.jpg,Glass,stuff,\n"
            "a_1.jpg,Plastic bag,stuff,2 1\n",
        ),
    ],
)
def test_columns_are_those_of_the_contest(
    tmp_path: Path, options: dict[str, Any], expected: str
) -> None:
    format_ = make((1, 2), **options)
    labels = np.array([[1, 3]], np.uint8)
    assert bytes_of(format_, [("a_1.jpg", labels)]).decode() == expected
    assert read(format_, tmp_path / "a.csv", expected) == [("a_1.jpg", [[1, 3]])]


def test_a_single_class_needs_no_name(tmp_path: Path) -> None:
    format_ = make(
        (1, 3),
        columns=("img", "rle_mask"),
        cells=("{image}", "{pixels}"),
        class_names=("Background", "Ship"),
    )
    labels = np.array([[0, 1, 1]], np.uint8)
    data = bytes_of(format_, [("a.jpg", labels), ("b.jpg", labels * 0)])
    assert data == b"img,rle_mask\na.jpg,2 2\nb.jpg,\n"
    assert read(format_, tmp_path / "a.csv", data) == [("a.jpg", [[0, 1, 1]]), ("b.jpg", [[0] * 3])]


def test_the_classes_of_an_image_may_come_in_any_order(tmp_path: Path) -> None:
    content = HEADER + "a.jpg_3,1 1\na.jpg_1,2 1 3 1\na.jpg_2,\n"
    assert read(make(order="row-major"), tmp_path / "a.csv", content) == [
        ("a.jpg", [[3, 1, 1], [0, 0, 0]])
    ]
