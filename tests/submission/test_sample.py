"""The contest's sample submission: whatever differs from the recipe is told, and what to set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.errors import UsageError
from toolkit.formats.mask_string import MaskString
from toolkit.formats.npz import Npz
from toolkit.formats.run_length import RunLength
from toolkit.submission.spec import row_order

NAMES = ["test_0.png", "test_1.png", "test_2.png"]
ORDER = ["test_2.png", "test_0.png", "test_1.png"]
HEADER = "image_id,PredictionString\n"
CLASSES = ("Background", "A", "B")


def mask_string(**more: Any) -> MaskString:
    return MaskString((2, 2), ("image_id", "PredictionString"), 3, **more)


def run_length(**more: Any) -> RunLength:
    values: dict[str, Any] = {
        "columns": ("ImageId_ClassId", "EncodedPixels"),
        "cells": ("{image}_{label}", "{pixels}"),
    }
    return RunLength((2, 2), class_names=CLASSES, **(values | more))


def rows(ids: list[str], rest: str = ",0") -> str:
    return "".join(f"{each}{rest}\n" for each in ids)


BY_CLASS = rows([f"{name}_{label}" for label in (1, 2) for name in ORDER], ",")
BY_IMAGE = rows([f"{name}_{label}" for name in ORDER for label in (1, 2)], ",")
STEMS = [name[:-4] for name in ORDER]


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("id,mask\n", "columns id,mask, but", 'submission.columns = ["id", "mask"]'),
        ("PredictionString,image_id\n", "PredictionString,image_id, but", "submission.columns"),
        ("img,label\n" + rows(ORDER), "columns img,label", 'columns = ["img", "label"]'),
        ("image_id,PredictionString,Usage\n" + rows(ORDER, ",0,P"), "String,Usage, but", "plugin"),
        ("," + HEADER + rows(ORDER, ",x"), "an index column without a name", "index=False"),
        ("Unnamed: 0,a,b\n", "an index column 'Unnamed: 0' before a,b", "index=False"),
        ("image_id;PredictionString\n", "separated by semicolons", "commas"),
        ("image_id\tPredictionString\n", "separated by tabs", "commas"),
        (rows(ORDER), "no header: its first line is already of an image, test_2.png", "image_id,"),
        (rows(STEMS), "no header", "image_id,PredictionString"),
        ("", "is empty", "unset data.sample_submission"),
        (HEADER.replace("\n", "\r") + "test_0.png,0\r", "carriage returns", "line feeds"),
        ("ImageId_ClassId,EncodedPixels\n" + BY_IMAGE, "each image and class", "run_length"),
        ("id,rle\n" + BY_IMAGE, "each image and class", '"{image}_{label}", "{pixels}"'),
        (HEADER + BY_IMAGE, "each image and class", '"run_length"'),
        ("img,class_name,rle\n", "image and class", 'cells = ["{image}", "{class}", "{pixels}"]'),
        (HEADER + rows(STEMS), "without their file ending", 'submission.image_suffix = ".png"'),
        (HEADER + rows([f" {name}" for name in ORDER]), "blanks around", "Remove"),
        (HEADER + rows(ORDER[:2]), "lacks test_1.png", "data.test"),
        (HEADER + rows([*ORDER, "test_9.png"]), "lists images that", "Did you mean test_"),
        (HEADER + rows([*ORDER, ORDER[0]]), "repeats test_2.png", "one row"),
    ],
)
def test_what_differs_from_the_recipe_is_told(
    tmp_path: Path, text: str, what: str, hint: str
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(text, newline="")
    with pytest.raises(UsageError) as caught:
        row_order(NAMES, path, mask_string())
    assert what in caught.value.message
    assert str(path) in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.parameter == "data.sample_submission"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
def test_other_encodings_are_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_bytes(("é," + HEADER + rows(ORDER)).encode(encoding))
    name = {"utf-32": "UTF-32", "latin-1": "not UTF-8"}.get(encoding, "UTF-16")
    with pytest.raises(UsageError, match=name):
        row_order(NAMES, path, mask_string())


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("id,rle\n", "columns id,rle, but", 'submission.columns = ["id", "rle"]'),
        ("a,class,rle\n", "columns a,class,rle, but", 'cells = ["{image}", "{label}", "{pixels}"]'),
        ("ImageId_ClassId,EncodedPixels\n" + BY_CLASS, "class by class (test_2.png", "--unset"),
        (
            "ImageId_ClassId,EncodedPixels\n" + rows([f"{s}_{c}" for s in STEMS for c in (1, 2)]),
            "without their file ending",
            'submission.image_suffix = ".png"',
        ),
    ],
)
def test_a_row_per_class_is_compared_too(tmp_path: Path, text: str, what: str, hint: str) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        row_order(NAMES, path, run_length())
    assert what in caught.value.message
    assert hint in caught.value.hint


def test_images_in_folders_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(HEADER + rows(ORDER))
    names = [f"batch/{name}" for name in NAMES]
    with pytest.raises(UsageError, match=r"without their folder .*data\.test has batch/test_0"):
        row_order(names, path, mask_string())


def test_endings_that_differ_cannot_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(HEADER + "a,0\nb,0\n")
    with pytest.raises(UsageError) as caught:
        row_order(["a.jpg", "b.png"], path, mask_string())
    assert ".jpg, .png: no single one" in caught.value.hint
    with pytest.raises(UsageError, match=r"'.jpg', but b.png does not end with it"):
        row_order(["a.jpg", "b.png"], None, mask_string(image_suffix=".jpg"))


def test_a_format_without_columns_takes_the_names_alone(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    path.write_text("any,thing,else\n" + rows(ORDER))
    assert row_order(NAMES, path, Npz((2, 2), 3)) == tuple(ORDER)
    path.write_text(rows(ORDER))
    with pytest.raises(UsageError, match="no header"):
        row_order(NAMES, path, Npz((2, 2), 3))


@pytest.mark.parametrize("format_", [mask_string, run_length])
def test_ids_without_ending_are_written_and_read_back(tmp_path: Path, format_: Any) -> None:
    made = format_(image_suffix=".png")
    sample, path = tmp_path / "sample.csv", tmp_path / "a.csv"
    labels = [np.full((2, 2), i, np.uint8) for i in range(3)]
    target = io.BytesIO()
    made.write(target, zip(ORDER, labels, strict=True))
    path.write_bytes(target.getvalue())
    assert b".png" not in path.read_bytes()
    assert b"\ntest_2" in path.read_bytes()
    sample.write_bytes(path.read_bytes())
    assert row_order(NAMES, sample, made) == tuple(ORDER)
    read = list(made.read(path))
    assert [name for name, _ in read] == ORDER
    for (_, found), expected in zip(read, labels, strict=True):
        np.testing.assert_array_equal(found, expected)


_PIECES = st.sampled_from(
    [
        *(b"image_id", b"PredictionString", b"ImageId_ClassId", b"EncodedPixels", b"Unnamed: 0"),
        *(b"test_0.png", b"test_1.png", b"test_2.png", b"test_0_1", b"test_2.png_2", b" ", b"0 0"),
        *(
            b",",
            b";",
            b"\t",
            b'"',
            b"\n",
            b"\r\n",
            b"\r",
            b"\0",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"\xe9",
        ),
    ]
)


@pytest.fixture(scope="module")
def sample_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "sample.csv"


@given(st.lists(_PIECES | st.binary(max_size=3), max_size=24), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_right_order_or_one_message(
    sample_file: Path, pieces: list[bytes], by_class: bool
) -> None:
    sample_file.write_bytes(b"".join(pieces))
    told, order = str(sample_file), tuple(NAMES)
    try:
        order = row_order(NAMES, sample_file, run_length() if by_class else mask_string())
    except UsageError as error:
        told = error.message
    assert str(sample_file) in told
    assert sorted(order) == NAMES


FOLDERS = [f"a/fotos/{name}" for name in NAMES]
MIXED = ["a/test_0.png", "a/test_1.png", "b/test_2.png"]


@pytest.mark.parametrize(
    ("images", "ids", "made", "what", "hint"),
    [
        (
            FOLDERS,
            [*STEMS, "bla"],
            {},
            "without their folder and ending (3 of 4 ids fit; unknown: bla)",
            'Set submission.image_folder = "a/fotos" and submission.image_suffix = ".png".',
        ),
        (FOLDERS, [ORDER[0], "bla"], {}, "folder (1 of 2 ids", 'image_folder = "a/fotos".'),
        (FOLDERS, [f"fotos/{n}" for n in ORDER], {}, "without their folder", 'folder = "a".'),
        (
            FOLDERS,
            STEMS,
            {"image_suffix": ".png"},
            "folder and",
            'Set submission.image_folder = "a',
        ),
        (NAMES, ORDER, {"image_suffix": ".png"}, "with folder and ending", 'image_suffix = "".'),
        (
            FOLDERS,
            FOLDERS,
            {"image_folder": "a"},
            "with folder",
            'Set submission.image_folder = "".',
        ),
        (MIXED, STEMS, {}, "without their folder and ending", "no single one can be left out"),
        (NAMES, ["x", "y"], {}, "lacks test_0.png, test_1.png, test_2.png of", "another part"),
        (NAMES, [ORDER[0], "y"], {}, "and lists other images: y", "another part"),
    ],
)
def test_ids_written_in_another_way_name_the_keys(
    tmp_path: Path, images: list[str], ids: list[str], made: dict[str, str], what: str, hint: str
) -> None:
    path = tmp_path / "sample.csv"
    path.write_text(HEADER + rows(ids))
    with pytest.raises(UsageError) as caught:
        row_order(images, path, mask_string(**made))
    assert what in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("format_", [mask_string, run_length])
@pytest.mark.parametrize("folder", ["a/fotos", "a/fotos/"])
def test_ids_without_folder_are_written_and_read_back(
    tmp_path: Path, format_: Any, folder: str
) -> None:
    made = format_(image_folder=folder, image_suffix=".png")
    path = tmp_path / "a.csv"
    order = [f"a/fotos/{name}" for name in ORDER]
    labels = [np.full((2, 2), i, np.uint8) for i in range(3)]
    target = io.BytesIO()
    made.write(target, zip(order, labels, strict=True))
    path.write_bytes(target.getvalue())
    assert b"\ntest_2" in path.read_bytes()
    assert b"fotos" not in path.read_bytes()
    assert row_order(FOLDERS, path, made) == tuple(order)
    read = list(made.read(path))
    assert [name for name, _ in read] == order
    assert [each.tolist() for _, each in read] == [each.tolist() for each in labels]
    with pytest.raises(UsageError, match=r"b/test_2\.png is not in it"):
        row_order(MIXED, None, format_(image_folder="a"))
