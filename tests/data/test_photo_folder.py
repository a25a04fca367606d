"""A folder of photos in place of a list."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.small_contests import write_split
from tests.workspaces import workspace_in
from toolkit.data.contest import open_contest, open_unlabelled
from toolkit.errors import UsageError
from toolkit.project import Project
from toolkit.recipe.schema import Data


def test_coco_takes_a_folder_of_photos_as_test(data_root: Path) -> None:
    data = Data(root=str(data_root), val="val.json", test="test")
    contest = open_contest(workspace_in(Project(data_root.parent)), data)
    assert contest.test is not None
    listed = open_contest(
        workspace_in(Project(data_root.parent)), data.model_copy(update={"test": "test.json"})
    ).test
    assert listed is not None
    assert contest.test.file_names == listed.file_names
    assert [(r.width, r.height) for r in contest.test.images] == [(32, 24)] * 3
    assert contest.test.pictures == listed.pictures
    with pytest.raises(UsageError, match="val is a folder, not a COCO file") as caught:
        open_contest(workspace_in(), data.model_copy(update={"val": "val"}))
    assert 'data.format = "masks"' in caught.value.hint


def test_unlabelled_images_may_be_a_folder_of_photos(data_root: Path) -> None:
    workspace = workspace_in(Project(data_root.parent))
    data = Data(root=str(data_root), val="val.json")
    contest = open_contest(workspace, data)
    split = open_unlabelled(workspace, data, "test", contest)
    assert split.file_names == ("test/00.png", "test/01.png", "test/02.png")
    assert [(r.width, r.height) for r in split.images] == [(32, 24)] * 3
    with pytest.raises(UsageError, match=r"data\.max_megapixels = 0\.0005"):
        open_unlabelled(
            workspace, data.model_copy(update={"max_megapixels": 0.0005}), "test", contest
        )


def test_a_test_folder_without_photos_is_refused(data_root: Path) -> None:
    (data_root / "empty").mkdir()
    (data_root / "empty" / "notes.txt").write_text("")
    data = Data(root=str(data_root), val="val.json", test="empty")
    with pytest.raises(UsageError, match="empty holds no photos") as caught:
        open_contest(workspace_in(), data)
    assert caught.value.hint == "It holds notes.txt."


def test_a_turned_photo_in_a_test_folder_follows_the_training_photos(tmp_path: Path) -> None:
    for n_images, name in enumerate(("train", "val", "test"), start=2):
        content = {
            "images": [
                {"id": number, "file_name": f"{name}/{number}.jpg", "width": 9, "height": 7}
                for number in range(n_images)
            ],
            "annotations": [],
            "categories": [{"id": 1, "name": "Paper"}],
        }
        write_split(tmp_path, f"{name}.json", content)
        shade = {"train": 40, "val": 80, "test": 120}[name]
        exif = Image.Exif()
        exif[274] = 6  # a quarter turn: shown as 7x9
        Image.fromarray(np.full((7, 9, 3), shade, np.uint8)).save(
            tmp_path / name / "1.jpg", exif=exif
        )
    data = Data(root=str(tmp_path), val="val.json", test="test")
    contest = open_contest(workspace_in(), data)
    assert contest.test is not None
    assert [(r.oriented, r.width, r.height) for r in contest.test.images] == [
        (True, 9, 7),
        (False, 9, 7),
        (True, 9, 7),
        (True, 9, 7),
    ]
