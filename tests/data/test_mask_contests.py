from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.camvid import VALUES, stripes, write_mask
from tests.data.test_perceptual_hash import scene
from tests.small_contests import write_split
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.check import check_split
from toolkit.data.contest import Contest, open_contest, open_unlabelled
from toolkit.data.folds import read_folds
from toolkit.data.masks import open_masks
from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.objects.cutting import chosen_labels, find_pieces
from toolkit.plugin.component import ComponentSpec
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data, Objects


def open_camvid(root: Path, **data: Any) -> Contest:
    format_ = ComponentSpec(
        name="masks", masks="{folder}annot/{stem}.png", values=VALUES, ignore=[255]
    )
    given = {"train": "train", "val": "val", "test": "test", "format": format_, **data}
    workspace = workspace_in(Project(root / "project"))
    return open_contest(workspace, Data(root=str(root), **given))


def test_a_contest_of_folders_opens(camvid: Path, tmp_path: Path) -> None:
    contest = open_camvid(camvid, background="Sky", truth="test")
    assert contest.class_names == ("Sky", "Road", "Car")
    assert contest.test is not None
    assert [(r.file_name, r.width, r.height) for r in contest.test.images] == [("test/d.png", 8, 6)]
    masks = open_masks(contest.train, tmp_path / "cache", None, SilentProgress())
    labels = {0: 0, 1: 1, 2: 2, 3: 2, 255: 255}
    expected = [[labels[value] for value in row] for row in stripes([0, 1, 2, 3, 255]).tolist()]
    assert masks[0].tolist() == expected
    assert masks.pixel_counts.tolist() == [32, 16, 32]


def test_another_ignored_label_paints_other_masks(camvid: Path, tmp_path: Path) -> None:
    for index in (255, 200):
        contest = open_camvid(camvid, ignore_index=index)
        masks = open_masks(contest.train, tmp_path / "cache", None, SilentProgress())
        assert masks[0].max() == index


def test_a_mask_of_another_size_than_its_photo(camvid: Path) -> None:
    write_mask(camvid / "trainannot" / "b.png", stripes([0, 1], (3, 4)))
    with pytest.raises(UsageError) as caught:
        open_camvid(camvid)
    assert caught.value.message.endswith(
        "train: 1 of 2 images cannot be used: train/b.png: the image is 8x6 pixels, its mask b.png "
        "4x3"
    )
    assert "resize the masks to their photos" in caught.value.hint


def test_the_digest_is_that_of_what_the_masks_hold(camvid: Path, tmp_path: Path) -> None:
    first = open_camvid(camvid).train.digest
    assert open_camvid(camvid).train.digest == first
    pixels = stripes([0, 1, 2, 3, 255])
    pixels[0, 0] = 1
    write_mask(camvid / "trainannot" / "a.png", pixels)
    assert open_camvid(camvid).train.digest != first
    other = ComponentSpec(
        name="masks",
        masks="{folder}annot/{stem}.png",
        values={"Sky": [0, 3], "Road": 1, "Car": 2},
        ignore=[255],
    )
    write_mask(camvid / "trainannot" / "a.png", stripes([0, 1, 2, 3, 255]))
    assert open_camvid(camvid).train.digest == first
    assert open_camvid(camvid, format=other).train.digest != first


def test_masks_are_looked_at_once(
    camvid: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_camvid(camvid)

    def fail(*_: object) -> None:
        raise AssertionError("a mask was read again")

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.data.mask_facts.look_into", fail)
        open_camvid(camvid)
        (camvid / "trainannot" / "a.png").touch()  # another time, the same content
        open_camvid(camvid)
    # A memory that somebody damaged is looked over.
    for file in (tmp_path / "project" / ".trash" / "mask-contents").iterdir():
        file.write_text("{")
    open_camvid(camvid)


def test_object_mix_takes_all_pixels_of_a_class(camvid: Path) -> None:
    train = open_camvid(camvid, background="Sky").train
    objects = Objects(classes=("Car",), by="class", min_area=1)
    labels = chosen_labels(objects, train)
    found = find_pieces(train, labels, objects.by, SilentProgress())
    assert [(piece.row, piece.label, piece.area) for piece in found] == [(0, 2, 16), (1, 2, 16)]
    with pytest.raises(UsageError, match="masks do not tell objects of one class apart") as caught:
        chosen_labels(Objects(classes=("Car",)), train)
    assert 'objects.by = "class"' in caught.value.hint


def test_values_are_labels_when_only_the_classes_are_named(camvid: Path) -> None:
    for split in ("train", "val"):
        for mask in (camvid / f"{split}annot").iterdir():
            write_mask(mask, stripes([0, 2, 1]))
    spec = ComponentSpec(name="masks", masks="{folder}annot/{stem}.png")
    contest = open_camvid(camvid, format=spec, classes=("Paper", "Glass"), test=None)
    assert contest.class_names == ("Background", "Paper", "Glass")
    assert contest.train.labels.label_of == {1: 1, 2: 2}


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


def test_a_check_lists_every_mask_that_is_wrong(camvid: Path) -> None:
    format_ = ComponentSpec(name="masks", masks="{folder}annot/{stem}.png", values=VALUES)

    def problems() -> list[tuple[str, str, str]]:
        source = AnnotationFile("train", camvid / "train", camvid, Data(format=format_))
        report = check_split(workspace_in(), source)
        return [(each.kind, each.where, each.detail) for each in report.problems]

    assert problems() == [
        ("value without a class", "trainannot/a.png", "255: 8 pixels"),
        ("value without a class", "trainannot/b.png", "255: 8 pixels"),
    ]
    (camvid / "trainannot" / "b.png").write_text("")
    assert problems() == [("unreadable mask", "trainannot/b.png", "not a readable mask")]
    (camvid / "trainannot" / "b.png").unlink()
    assert problems() == [("missing mask", "train/b.png", "no trainannot/b.png")]


def write_recipe(camvid: Path) -> Path:
    recipe = camvid / "r.toml"
    recipe.write_text(
        f'[data]\nroot = "{camvid}"\ntrain = "train"\nval = "val"\nbackground = "Sky"\n'
        '[data.format]\nname = "masks"\nmasks = "{folder}annot/{stem}.png"\nignore = [255]\n'
        "values = {Sky = 0, Road = 1, Car = [2, 3]}\n"
        '[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
    return recipe


def test_a_check_counts_the_pixels_of_masks(
    camvid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(camvid)
    write_mask(camvid / "trainannot" / "b.png", stripes([0, 1], (3, 4)))
    assert run(["data", "check", str(recipe)]) == 2
    told = capsys.readouterr().out
    assert "train: 2 images, 2 masks" in told
    assert "image of another size (1)\n  train/b.png: the image is 8x6 pixels, its mask" in told
    assert "annotations" not in told.splitlines()[1]
    write_mask(camvid / "trainannot" / "b.png", stripes([0, 1]))
    assert run(["data", "check", str(recipe)]) == 0, capsys.readouterr().out
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["1", "Road", "2", "36.364"] in rows


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_label_0_that_no_pixel_has_is_told(camvid: Path) -> None:
    said = []
    for background in ("Background", "Sky"):
        lines = Lines()
        data = Data(
            root=str(camvid),
            train="train",
            val="val",
            background=background,
            format=ComponentSpec(
                name="masks", masks="{folder}annot/{stem}.png", values=VALUES, ignore=[255]
            ),
        )
        open_contest(workspace_in(progress=lines), data)
        said.append(lines.said)
    (line,), none = said
    assert "no value of the masks is Background (label 0)" in line
    assert line.endswith('name one of them: data.background = "Sky"')
    assert none == []


def test_photos_with_masks_are_divided_in_groups(
    camvid: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, shown in (("a1", scene(1)), ("a2", scene(2)), ("b1", scene(1)[:, ::-1])):
        Image.fromarray(shown).resize((8, 6), Image.Resampling.BOX).save(
            camvid / "train" / f"{name}.png"
        )
        write_mask(camvid / "trainannot" / f"{name}.png", stripes([0, 1]))
    command = ["data", "split", str(write_recipe(camvid)), "--folds", "2", "--groups"]
    for rule, together in (("name:/(.)", {"a", "a1", "a2"}), ("near-duplicates", {"a1", "b1"})):
        output = tmp_path / f"{rule[:4]}.json"
        assert run([*command, rule, "-o", str(output)]) == 0, capsys.readouterr().err
        folds = json.loads(output.read_text())["folds"]
        paths = {f"train/{name}.png" for name in together}
        assert any(paths <= set(names) for names in folds)
        read_folds(output, camvid / "train", [name for names in folds for name in names])
    capsys.readouterr()

    def fail(*_: object) -> None:
        raise AssertionError("masks were looked at first")

    monkeypatch.setattr("toolkit.data.annotation_sets.with_masks", fail)
    assert run([*command, "key:scene_id", "-o", str(tmp_path / "keys.json")]) == 2
    told = capsys.readouterr().err
    assert (
        "--groups key:scene_id needs COCO JSON, whose images have keys; data.format is masks"
        in (" ".join(told.split()))
    )
    assert "Rules for all formats: folder, name:EXPRESSION, near-duplicates." in told
    assert not (tmp_path / "keys.json").exists()
