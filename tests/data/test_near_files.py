from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from tests.small_contests import MakeContest
from toolkit.data.near_files import near_file
from toolkit.errors import UsageError

COMPOSED = unicodedata.normalize("NFC", "쓰레기 é.jpg")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a b.jpg", "IMG_01.JPG", COMPOSED, "batch 1/Photo.png", "100%.jpg"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("a%20b.jpg", "a b.jpg"),
        (" a b.jpg ", "a b.jpg"),
        ("img_01.jpg", "IMG_01.JPG"),
        (unicodedata.normalize("NFD", COMPOSED), COMPOSED),
        ("batch 1\\Photo.png", "batch 1/Photo.png"),
        ("Batch%201/photo.PNG", "batch 1/Photo.png"),
        ("images/IMG_01.JPG", "IMG_01.JPG"),
        ("IMG_02.JPG", "IMG_01.JPG"),
        ("100%.JPG", "100%.jpg"),
        ("zzz", None),
        ("../a b.jpg", None),
        ("/a b.jpg", None),
        ("x" * 5000, None),
        ("", None),
    ],
)
def test_the_file_that_was_meant(root: Path, name: str, near: str | None) -> None:
    assert near_file(root, name) == near


def test_an_equal_name_is_found_before_a_similar_one(tmp_path: Path) -> None:
    for name in ("a1.png", "A2.png", "a3.png"):
        (tmp_path / name).write_bytes(b"")
    assert near_file(tmp_path, "a2.png") == "A2.png"


@pytest.mark.parametrize("name", ["train/01.PNG", "train/01.png "])
def test_missing_images_are_told_with_the_near_ones(
    make_contest: MakeContest, data_root: Path, name: str
) -> None:
    path = data_root / "train.json"
    path.write_text(path.read_text().replace('"train/01.png"', json.dumps(name)))
    with pytest.raises(UsageError) as caught:
        make_contest()
    assert "1 of 9 image files is not under" in caught.value.message
    assert f"{name!r}: is it 'train/01.png'?" in caught.value.hint


def test_backslashes_separate_folders(make_contest: MakeContest, data_root: Path) -> None:
    path = data_root / "train.json"
    path.write_text(path.read_text().replace('"train/01.png"', json.dumps("train\\01.png")))
    assert make_contest().train.file_names[1] == "train/01.png"


def test_names_that_no_file_can_have_are_missing(
    make_contest: MakeContest, data_root: Path
) -> None:
    path = data_root / "train.json"
    path.write_text(path.read_text().replace("train/01.png", "x" * 5000))
    with pytest.raises(UsageError, match="1 of 9 image files is not under"):
        make_contest()
    with pytest.raises(UsageError, match=r"data\.val: .* not found"):
        make_contest(val="y" * 5000)


def test_the_photo_of_another_record_is_not_suggested(
    make_contest: MakeContest, data_root: Path
) -> None:
    (data_root / "train" / "03.png").unlink()
    with pytest.raises(UsageError) as caught:
        make_contest()
    assert "train/03.png" in caught.value.message
    assert "is it" not in caught.value.hint
    (data_root / "train" / "04.png").rename(data_root / "train" / "04b.png")
    with pytest.raises(UsageError) as caught:
        make_contest()
    assert "'train/04.png': is it 'train/04b.png'?" in caught.value.hint
