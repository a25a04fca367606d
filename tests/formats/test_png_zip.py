from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.errors import UsageError
from toolkit.formats.png import encode_png, voc_colours
from toolkit.formats.png_zip import PngZip, png_name
from toolkit.submission.check import check_submission

Rows = Sequence[tuple[str, NDArray[np.uint8]]]
LABELS = np.array([[0, 1, 2], [2, 2, 0]], np.uint8)
FORMAT = PngZip((2, 3), 3)


def write(path: Path, rows: Rows, format_: PngZip = FORMAT) -> Path:
    with path.open("wb") as file:
        format_.write(file, rows)
    return path


def by_others(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def png(picture: NDArray[Any]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def read(path: Path, format_: PngZip = FORMAT) -> list[tuple[str, Any]]:
    return [(image_id, labels.tolist()) for image_id, labels in format_.read(path)]


def test_a_zip_of_the_images_folders_with_grey_pngs(tmp_path: Path) -> None:
    ids = ["batch_02/0009.jpg", "batch_01_vt/0001.JPG", "a.b.jpeg", "plain", "é ü/ø.jpg"]
    path = write(tmp_path / "a.zip", [(image_id, LABELS) for image_id in ids])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            "batch_02/0009.png",
            "batch_01_vt/0001.png",
            "a.b.png",
            "plain.png",
            "é ü/ø.png",
        ]
        archive.extractall(tmp_path)
    unpacked = (tmp_path / "batch_01_vt" / "0001.png").read_bytes()
    picture = cv2.imdecode(np.frombuffer(unpacked, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(picture, LABELS)
    assert read(path) == [(image_id, LABELS.tolist()) for image_id in ids]


def test_a_palette_shows_colours_and_keeps_the_labels(tmp_path: Path) -> None:
    format_ = PngZip((2, 3), 3, palette=True)
    path = write(tmp_path / "a.zip", [("a.jpg", LABELS)], format_)
    with zipfile.ZipFile(path) as archive:
        data = archive.read("a.png")
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(shown[..., ::-1], voc_colours()[LABELS])
    assert read(path) == read(path, format_) == [("a.jpg", LABELS.tolist())]


def test_colours_are_those_of_pascal_voc() -> None:
    assert {label: voc_colours()[label].tolist() for label in (0, 1, 2, 3, 8, 20, 255)} == {
        0: [0, 0, 0],
        1: [128, 0, 0],
        2: [0, 128, 0],
        3: [128, 128, 0],
        8: [64, 0, 0],
        20: [0, 64, 128],
        255: [224, 224, 192],
    }


def test_pngs_of_another_program_get_the_suffix_of_the_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    smooth = np.sort(rng.integers(0, 200, (40, 50)).astype(np.uint8), axis=1)  # filtered lines
    path = by_others(tmp_path / "a.zip", {"x/": b"", "x/1.png": png(smooth)})
    assert read(path, PngZip((40, 50), 200, image_suffix=".JPG")) == [("x/1.JPG", smooth.tolist())]


@pytest.mark.parametrize("ids", [["a/1.jpg", "a/1.png"], ["1.jpg", "2.jpg", "1.jpg"]])
def test_two_images_of_one_file_name_are_refused(tmp_path: Path, ids: list[str]) -> None:
    with pytest.raises(UsageError, match=rf"{ids[0]} and {ids[-1]} would both be .*1\.png"):
        write(tmp_path / "a.zip", [(image_id, LABELS) for image_id in ids])


@pytest.mark.parametrize(
    "image_id",
    ["", "/a.jpg", "../a.jpg", "a//b.jpg", "a/./b.jpg", "a/..", "a\\b.jpg", "a\0b", "\udcff"],
)
def test_ids_that_are_no_file_names_are_refused(image_id: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a file"):
        png_name(image_id)


def with_head(data: bytes, **changes: int) -> bytes:
    names = ["width", "height", "depth", "kind", "compression", "filter", "interlaced"]
    values = dict(zip(names, struct.unpack(">IIBBBBB", data[16:29]), strict=True)) | changes
    head = struct.pack(">IIBBBBB", *values.values())
    return data[:16] + head + struct.pack(">I", zlib.crc32(b"IHDR" + head)) + data[33:]


GOOD = encode_png(LABELS, "a.jpg", False)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.txt", GOOD, "row 1: a.txt: the name does not end in .png"),
        ("a.png", b"", "row 1: a.png: not a PNG file"),
        ("a.png", b"GIF89a", "not a PNG file"),
        ("a.png", GOOD[:8], "the PNG is cut off"),
        ("a.png", GOOD[:-1], "the PNG is cut off"),
        ("a.png", GOOD[:60] + b"x" + GOOD[61:], "the PNG is damaged: a checksum does not match"),
        ("a.png", with_head(GOOD, depth=16), "16-bit grey; expected 8-bit grey or palette"),
        ("a.png", with_head(GOOD, depth=1), "1-bit grey; expected 8-bit"),
        ("a.png", with_head(GOOD, interlaced=1), "interlaced"),
        ("a.png", with_head(GOOD, width=2, height=3), "the picture is 3 × 2, expected 2 × 3"),
        ("a.png", png(np.zeros((2, 3, 3), np.uint8)), "8-bit RGB; expected 8-bit grey or palette"),
        ("a.png", png(np.zeros((2, 3, 4), np.uint8)), "8-bit RGB with alpha; expected"),
        ("a.png", png(np.zeros((4, 6), np.uint8)), "the picture is 4 × 6, expected 2 × 3"),
        ("b.png", GOOD, "b.png: the picture is of a.jpg: it was renamed"),
        ("a.png", GOOD[:8] + GOOD[33:], "the PNG has no header"),
        ("a.png", b"\0" * 100_000, "100,000 bytes are too many"),
        (
            "a.png",
            encode_png(np.full((2, 3), 110, np.uint8), "a.jpg", False),
            "row 1, label 1, a.jpg: label 110 is outside the 3 classes (0…2); 5 more like it",
        ),
    ],
)
def test_names_the_file_and_what_is_wrong(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    path = by_others(tmp_path / "a.zip", {name: data})
    with pytest.raises(UsageError) as caught:
        read(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message


@pytest.mark.parametrize("missing", [1, 4])
def test_a_picture_with_pixels_missing_is_not_filled_up(tmp_path: Path, missing: int) -> None:
    lines = np.pad(LABELS, ((0, 0), (1, 0))).tobytes()
    content = zlib.compress(lines[:-missing])
    start = GOOD.index(b"IDAT") - 4
    chunk = struct.pack(">I", len(content)) + b"IDAT" + content
    data = GOOD[:start] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + GOOD[-12:]
    with pytest.raises(UsageError, match="the pixels are damaged or not all there"):
        read(by_others(tmp_path / "a.zip", {"a.png": data}))


def test_what_is_no_zip_file_is_a_message(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_text("image_id,PredictionString\n")
    with pytest.raises(UsageError, match=r"a\.zip: damaged zip file: File is not a zip file"):
        read(path)
    with pytest.raises(UsageError, match=r"cannot read the submission .*gone\.zip"):
        read(tmp_path / "gone.zip")
    with pytest.raises(UsageError, match="Is a directory"):
        read(tmp_path)


def test_an_entry_without_a_name_is_a_message(tmp_path: Path) -> None:
    path = by_others(tmp_path / "a.zip", {"b": GOOD})
    data = bytearray(path.read_bytes())
    head = data.index(b"PK\1\2")
    data[head + 28], data[head + 32] = 0, 1  # the name becomes a comment
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"row 1: : the name does not end in \.png"):
        read(path)


def test_the_check_tells_every_problem(tmp_path: Path) -> None:
    wrong = encode_png(np.full((2, 3), 7, np.uint8), "c.jpg", False)
    path = by_others(
        tmp_path / "a.zip", {"a.png": GOOD, "b.png": b"", "c.png": wrong, "a.txt": b""}
    )
    report = check_submission(path, FORMAT, ["a.jpg", "b.jpg", "c.jpg"], 3)
    assert [str(problem) for problem in report.problems] == [
        "row 2: b.png: not a PNG file",
        "row 3, label 1, c.jpg: label 7 is outside the 3 classes (0…2); 5 more like it in this row",
        "row 4: a.txt: the name does not end in .png",
        "1 of 3 images has no row: b.jpg; the first belongs before row 3",
    ]


def test_the_same_labels_are_the_same_bytes() -> None:
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        FORMAT.write(file, [("a.jpg", LABELS)])
    assert files[0].getvalue() == files[1].getvalue()
