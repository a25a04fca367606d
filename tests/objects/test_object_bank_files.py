from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.objects.object_bank_pieces import ALL, assert_holds, expected_objects, open_data
from tests.small_contests import MakeContest, write_split
from tests.workspaces import workspace_in
from toolkit.data.contest import Contest, open_contest
from toolkit.data.images import read_image
from toolkit.data.split import Split
from toolkit.errors import TrashError, UsageError
from toolkit.objects.object_bank import (
    CUTOUTS,
    INDEX,
    ObjectStore,
    make_object_bank,
)
from toolkit.plugin.reader import ImageRecord
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data, Objects

REORDERED = ("glass", "metal", "paper")


def test_a_bank_is_made_once_and_again_when_anything_changes(
    make_contest: MakeContest, tmp_path: Path
) -> None:
    contest = make_contest()
    objects = Objects(classes=("metal",), min_area=1)
    first = open_data(objects, contest, tmp_path).folder
    moment = (first / CUTOUTS).stat().st_mtime_ns
    assert open_data(objects, make_contest(), tmp_path).folder == first
    assert (first / CUTOUTS).stat().st_mtime_ns == moment
    others = [
        open_data(objects.model_copy(update=change), contest, tmp_path).folder
        for change in ({"by": "class"}, {"min_area": 2}, {"classes": ("glass",)})
    ]
    others.append(open_data(objects, make_contest(overlap="area"), tmp_path).folder)
    others.append(open_data(objects, make_contest(classes=REORDERED), tmp_path).folder)
    photo = contest.train.path(0)
    cv2.imwrite(str(photo), np.zeros((24, 32, 3), np.uint8))
    contest = make_contest()
    changed = open_data(objects, contest, tmp_path)
    assert changed[0].file_name == contest.train.file_names[0]
    assert not changed[0].image.any()
    assert len({first, *others, changed.folder}) == 7


def test_sending_a_bank_to_a_worker_sends_no_pixel(
    make_contest: MakeContest, tmp_path: Path
) -> None:
    bank = open_data(Objects(classes=ALL, min_area=1), make_contest(), tmp_path)
    sent = pickle.dumps(bank)
    assert len(sent) < 400
    arrived = pickle.loads(sent)
    assert len(arrived) == len(bank)
    np.testing.assert_array_equal(arrived[3].image, bank[3].image)
    assert not bank[3].image.flags.writeable


def test_a_failed_build_leaves_nothing_behind(make_contest: MakeContest, tmp_path: Path) -> None:
    contest = make_contest()
    photo = contest.train.path(7)
    whole = photo.read_bytes()
    photo.write_bytes(whole[:60])
    objects = Objects(classes=ALL, min_area=1)
    with pytest.raises(UsageError, match=photo.name):
        make_object_bank(tmp_path / "bank", objects, contest.train, SilentProgress())
    assert not (tmp_path / "bank").exists()
    assert not list(tmp_path.glob("*bank*/*"))
    photo.write_bytes(whole)
    bank = make_object_bank(tmp_path / "bank", objects, contest.train, SilentProgress())
    assert len(bank) == 18


def test_a_killed_build_leaves_no_bank_and_is_done_again(
    train_split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, objects = tmp_path / "bank", Objects(classes=ALL, min_area=1)
    child = os.fork()
    if not child:
        monkeypatch.setattr(
            "toolkit.objects.cutting.file_digest",
            lambda path: os.kill(os.getpid(), signal.SIGKILL),
        )
        make_object_bank(folder, objects, train_split, SilentProgress())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    assert list(tmp_path.glob("bank.partial/*"))
    with pytest.raises(UsageError, match="no object bank at"):
        ObjectStore(folder)
    make_object_bank(folder, objects, train_split, SilentProgress())
    assert_holds(ObjectStore(folder), expected_objects(train_split, {1, 2, 3}, "annotation", 1))
    assert not list(tmp_path.glob("bank.*"))


def test_processes_that_build_at_once_share_one_bank(train_split: Split, tmp_path: Path) -> None:
    objects = Objects(classes=ALL, min_area=1)
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            code = 1
            try:
                make_object_bank(tmp_path / "bank", objects, train_split, SilentProgress())
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    labels = {1, 2, 3}
    assert_holds(
        ObjectStore(tmp_path / "bank"), expected_objects(train_split, labels, "annotation", 1)
    )


def test_photos_are_decoded_few_at_a_time(
    train_split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    written: list[int] = []
    lock = threading.Lock()
    ahead = 0

    def counting(path: Path, record: ImageRecord) -> Any:
        with lock:
            read.append(path.name)
        return read_image(path, record)

    monkeypatch.setattr("toolkit.objects.cutting.read_image", counting)
    from toolkit.objects.cutting import cut_pieces, find_pieces

    pieces = find_pieces(train_split, (1, 2, 3), "annotation", SilentProgress())
    assert not read  # the masks alone say what there is
    for cut in cut_pieces(train_split, pieces, SilentProgress()):
        written.append(cut.row)
        ahead = max(ahead, len(read) - len(written))
    assert written == list(range(9))
    assert ahead <= 4


def write_bank(contest: Contest, folder: Path, **changed: Any) -> Objects:
    """Write a bank as `trash data objects cut -o` does, and return the table that names it."""
    objects = Objects(classes=ALL, min_area=1)
    train = replace(contest.train, **changed)
    make_object_bank(folder, objects, train, SilentProgress())
    return Objects(bank=folder.name)


def test_a_bank_of_the_training_split_is_opened_by_its_folder(
    make_contest: MakeContest, tmp_path: Path
) -> None:
    contest = make_contest()
    bank = open_data(write_bank(contest, tmp_path / "bank"), contest, tmp_path)
    assert bank.folder == tmp_path / "bank"
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("split", ["val", "test"])
def test_objects_of_another_split_are_refused(
    make_contest: MakeContest, data_root: Path, tmp_path: Path, split: str
) -> None:
    contest = make_contest()
    other: Split = getattr(contest, split)
    # The annotation file of the whole contest: training images, and one of the other split.
    stray = replace(contest.train.images[0], file_name=f"./{split}//00.png")
    objects = write_bank(contest, tmp_path / "bank", images=(*contest.train.images, stray))
    with pytest.raises(UsageError, match=f"objects of 1 {other.name} image: ") as caught:
        open_data(objects, contest, tmp_path)
    assert stray.file_name in caught.value.message
    assert caught.value.parameter == "objects.bank"


def test_a_renamed_copy_of_a_validation_image_is_found(
    make_contest: MakeContest, data_root: Path, tmp_path: Path
) -> None:
    contest = make_contest()
    shutil.copy(data_root / "val" / "02.png", data_root / "train" / "copy.png")
    stray = replace(contest.train.images[0], file_name="train/copy.png")
    objects = write_bank(contest, tmp_path / "bank", images=(*contest.train.images, stray))
    with pytest.raises(UsageError) as caught:
        open_data(objects, contest, tmp_path)
    assert "train/copy.png (the same file as val/02.png)" in caught.value.message


def test_images_of_another_data_set_are_welcome(
    make_contest: MakeContest, data_root: Path, tmp_path: Path
) -> None:
    contest = make_contest()
    elsewhere = tmp_path / "elsewhere"
    content = json.loads((data_root / "train.json").read_text())
    for record in content["images"]:
        record["file_name"] = f"more/{record['id']}.png"
    write_split(elsewhere, "train.json", content)
    data = Data(root=str(elsewhere), folds=None, val="val.json")
    shutil.copytree(data_root / "val", elsewhere / "val")
    shutil.copy(data_root / "val.json", elsewhere)
    foreign = open_contest(workspace_in(Project(tmp_path)), data)
    bank = open_data(write_bank(foreign, tmp_path / "bank"), contest, tmp_path)
    assert bank[0].file_name.startswith("more/")


def test_a_bank_of_other_classes_is_refused(make_contest: MakeContest, tmp_path: Path) -> None:
    objects = write_bank(make_contest(classes=REORDERED), tmp_path / "bank")
    with pytest.raises(UsageError, match="other classes") as caught:
        open_data(objects, make_contest(), tmp_path)
    assert caught.value.parameter == "objects.bank"
    assert "bank: Background, glass, metal, paper" in caught.value.message


def test_a_folder_that_is_no_bank_is_refused(make_contest: MakeContest, tmp_path: Path) -> None:
    for folder in ("nowhere", "contest"):
        with pytest.raises(UsageError, match=r"no object bank at|not an object bank") as caught:
            open_data(Objects(bank=folder), make_contest(), tmp_path)
        assert caught.value.parameter == "objects.bank"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"version": 1}, "version 1"),
        ({"class_names": 3}, "class_names"),
        ({"objects": []}, "objects"),
        ({"sources": []}, "photo is not there"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_a_damaged_index_says_what_to_do(
    train_split: Split, tmp_path: Path, change: dict[str, Any], reason: str
) -> None:
    objects = Objects(classes=ALL, min_area=1)
    bank = make_object_bank(tmp_path / "bank", objects, train_split, SilentProgress())
    path = bank.folder / INDEX
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(TrashError, match=reason) as caught:
        ObjectStore(bank.folder)
    assert "rm -r" in caught.value.hint


@pytest.mark.parametrize("name", [CUTOUTS, INDEX])
def test_truncated_files_are_found(train_split: Split, tmp_path: Path, name: str) -> None:
    objects = Objects(classes=ALL, min_area=1)
    bank = make_object_bank(tmp_path / "bank", objects, train_split, SilentProgress())
    content = (bank.folder / name).read_bytes()
    (bank.folder / name).write_bytes(content[:-10])
    with pytest.raises(TrashError, match="cannot be used"):
        ObjectStore(bank.folder)


def test_a_bank_of_rgb_photos_is_as_older_readers_know_it(
    train_split: Split, tmp_path: Path
) -> None:
    make_object_bank(
        tmp_path / "bank", Objects(classes=ALL, min_area=1), train_split, SilentProgress()
    )
    content = json.loads((tmp_path / "bank" / INDEX).read_text())
    assert content["version"] == 2
    assert sorted(content) == ["class_names", "objects", "schema", "sources", "version"]
    assert ObjectStore(tmp_path / "bank").index.channels == 3
