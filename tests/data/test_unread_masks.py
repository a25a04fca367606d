"""Layouts of masks that `trash data import` knows but does not read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.data.mask_pieces import stripes, write_mask, write_photo
from toolkit.cli.main import run
from toolkit.data.data_survey import survey_data
from toolkit.data.mask_survey import mask_survey
from toolkit.errors import UsageError

PHOTOS = ("a", "b_1", "c")
DOCS = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos without masks."""
    for number, name in enumerate(PHOTOS):
        write_photo(tmp_path / "images" / f"{name}.jpg", 40 * number)
    return tmp_path


def binary(row: int) -> NDArray[Any]:
    return stripes([255 if row == each else 0 for each in range(6)])


def told(folder: Path) -> str:
    with pytest.raises(UsageError) as error:
        survey_data(folder)
    return f"{error.value.message} | {error.value.hint}"


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".png"])
def test_masks_as_jpeg_are_said_to_be_no_labels(
    photos: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in PHOTOS:
        path = photos / "masks" / f"{name}_mask{suffix}"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(stripes([0, 1, 2]).astype(np.uint8)).save(path, "JPEG")
    text = told(photos)
    assert f"3 masks are JPEG, in masks: masks/a_mask{suffix}, masks/b_1_mask{suffix}" in text
    assert "Ask for the masks as they were drawn, as PNG" in text
    assert "trash plugin new NAME --kind reader" in text
    assert run(["data", "import", str(photos)]) == 2
    captured = capsys.readouterr()
    assert "3 masks are JPEG" in captured.err
    assert captured.out == ""


def test_masks_as_jpeg_in_a_list_are_said_to_be_no_labels(photos: Path) -> None:
    (photos / "gt").mkdir()
    lines = []
    for number, name in enumerate(PHOTOS):
        labels = Image.fromarray(stripes([0, 1, 2]).astype(np.uint8))
        mask = f"gt/{number}.{'jpg' if number else 'png'}"
        labels.save(photos / mask)
        lines.append(f"images/{name}.jpg {mask}\n")
    (photos / "train.txt").write_text("".join(lines))
    assert "train.txt: 2 of the first 3 masks are JPEG: gt/1.jpg, gt/2.jpg. JPEG" in told(photos)


def test_photos_as_jpeg_beside_masks_as_png_are_no_masks(photos: Path) -> None:
    for name in PHOTOS:
        write_mask(photos / "masks" / f"{name}.png", stripes([0, 1]))
        write_photo(photos / "masks" / "preview" / f"{name}.jpg")
    found = mask_survey(photos)
    assert found is not None
    assert found.train == "images"


def test_a_file_per_object_is_told_with_an_example(photos: Path) -> None:
    for name in PHOTOS:
        for number in range(2):
            write_mask(photos / "masks" / f"{name}_cls_{number}.png", binary(number))
    text = told(photos)
    assert "6 masks of 3 photos, by the beginning of the name" in text
    assert "Photo a has masks/a_cls_0.png, masks/a_cls_1.png" in text
    assert "merge the files" in text


def test_a_folder_of_objects_per_photo_is_told(tmp_path: Path) -> None:
    """As in DSB2018."""
    for name, n_objects in (("0a1", 1), ("77f", 4), ("9bd", 2)):
        write_photo(tmp_path / "stage1_train" / name / "images" / f"{name}.png")
        photo = np.random.default_rng(1).integers(0, 255, (60, 80, 3), dtype=np.uint8)
        Image.fromarray(photo).save(tmp_path / "stage1_train" / name / "images" / f"{name}.png")
        for number in range(n_objects):
            mask = tmp_path / "stage1_train" / name / "masks" / f"{number:08x}.png"
            write_mask(mask, binary(number))
    text = told(tmp_path)
    assert "7 masks of 3 photos, by the folder" in text
    assert "Photo 77f has stage1_train/77f/masks/00000000.png" in text
    assert "and 1 more" in text


def write_class_folders(root: Path) -> None:
    for row, name in enumerate(("road", "car")):
        for photo in PHOTOS:
            write_mask(root / "masks" / name / f"{photo}.png", binary(row))


def test_a_folder_per_class_is_told_and_not_read_as_one_class(photos: Path) -> None:
    write_class_folders(photos)
    text = told(photos)
    assert "6 binary masks in 2 folders, which look like one folder per class" in text
    assert "masks/car, masks/road" in text
    assert "docs/data.md" in text


def test_the_script_of_the_docs_merges_a_folder_per_class(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_class_folders(photos)
    script = next(
        each
        for each in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S)
        if "merged" in each
    )
    monkeypatch.chdir(photos)
    exec(script, {})
    expected = stripes([1, 2, 0, 0, 0, 0])
    for photo in PHOTOS:
        with Image.open(photos / "labels" / f"{photo}.png") as image:
            np.testing.assert_array_equal(np.asarray(image), expected)


@pytest.mark.parametrize("folders", [("masks", "masks_small"), ("masks/train", "masks/val")])
def test_two_sets_of_binary_masks_are_no_classes(photos: Path, folders: tuple[str, str]) -> None:
    for folder in folders:
        for name in PHOTOS:
            write_mask(photos / folder / f"{name}.png", binary(1))
    if "train" in folders[0]:
        for split in ("train", "val"):
            for name in PHOTOS:
                write_photo(photos / "images" / split / f"{name}.jpg")
    assert mask_survey(photos) is not None
