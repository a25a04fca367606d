from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.small_contests import write_split
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.annotation_sets import read_annotations
from toolkit.data.check import check_split
from toolkit.data.contest import Contest, open_contest, open_unlabelled
from toolkit.data.masks import open_masks
from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.objects.cutting import chosen_labels, find_pieces
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import AnnotationSet
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data, Objects

VALUES = {"Sky": 0, "Road": 1, "Car": [2, 3]}


def write_photo(path: Path, shade: int = 90, size: tuple[int, int] = (6, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), shade, np.uint8)).save(path)


def write_mask(path: Path, pixels: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def stripes(values: Sequence[int], size: tuple[int, int] = (6, 8)) -> NDArray[Any]:
    """Rows of one value each, in turn."""
    return np.resize(np.array(values)[:, None], size[0])[:, None] + np.zeros(size, np.int64)


def read(root: Path, name: str, *, labelled: bool = True, **format_: Any) -> AnnotationSet:
    data = Data(format=ComponentSpec(name="masks", **format_))
    return read_annotations(workspace_in(), data, root / name, root, labelled=labelled)


def pairs(found: AnnotationSet, root: Path) -> list[tuple[str, str]]:
    return [
        (record.file_name, record.mask.path.relative_to(root).as_posix())
        for record in found.images
        if record.mask is not None
    ]


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    """Two photos for training and one each for the others, as CamVid has them."""
    number = 0
    for split, names in (("train", ["a", "b"]), ("val", ["c"]), ("test", ["d"])):
        for name in names:
            number += 1
            write_photo(tmp_path / split / f"{name}.png", 40 * number)
            write_mask(tmp_path / f"{split}annot" / f"{name}.png", stripes([0, 1, 2, 3, 255]))
    return tmp_path


def test_a_folder_of_photos_and_a_pattern(camvid: Path) -> None:
    found = read(camvid, "train", masks="{folder}annot/{stem}.png", values=VALUES, ignore=[255])
    assert pairs(found, camvid) == [
        ("train/a.png", "trainannot/a.png"),
        ("train/b.png", "trainannot/b.png"),
    ]
    assert [category.name for category in found.categories] == ["Sky", "Road", "Car"]
    first = found.images[0]
    assert (first.width, first.height) == (8, 6)
    assert first.mask is not None
    assert dict(first.mask.pixels) == {1: 16, 2: 8, 3: 16}  # Sky's stripe comes twice


def test_lists_of_other_machines_are_understood(camvid: Path) -> None:
    lines = [f"/SegNet/CamVid/train/{n}.png /SegNet/CamVid/trainannot/{n}.png" for n in "ba"]
    (camvid / "train.txt").write_text("\n".join(lines) + "\n\n")
    found = read(camvid, "train.txt", values=VALUES, ignore=[255])
    assert pairs(found, camvid) == [
        ("train/b.png", "trainannot/b.png"),
        ("train/a.png", "trainannot/a.png"),
    ]


@pytest.mark.parametrize(
    ("lines", "settings"),
    [
        (["a", "b"], {"photos": "train", "masks": "trainannot/{stem}.png"}),
        (["train/a.png", "train\\b"], {"masks": "{folder}annot/{path}/../../{stem}.png"}),
        (["a.png,a", "b.png,b"], {"photos": "train", "masks": "trainannot/{mask}.png"}),
        (["train/a\ttrainannot/a.png", "train/b\ttrainannot/b.png"], {}),
    ],
)
def test_lists_name_photos_in_many_ways(
    lines: list[str], settings: dict[str, Any], camvid: Path
) -> None:
    (camvid / "list.txt").write_text("\n".join(lines))
    found = read(camvid, "list.txt", values=VALUES, ignore=[255], **settings)
    assert [name for name, _ in pairs(found, camvid)] == ["train/a.png", "train/b.png"]
    assert all(mask == f"trainannot/{name[6:]}" for name, mask in pairs(found, camvid))


def test_a_name_may_have_blanks(tmp_path: Path) -> None:
    write_photo(tmp_path / "my photo 1.png")
    write_mask(tmp_path / "m" / "my photo 1.png", stripes([0, 1]))
    (tmp_path / "list.txt").write_text("my photo 1.png\n")
    found = read(tmp_path, "list.txt", values=VALUES, masks="m/{stem}.png")
    assert pairs(found, tmp_path) == [("my photo 1.png", "m/my photo 1.png")]


def test_a_csv_file_names_both(camvid: Path) -> None:
    rows = ["id,photo,label", "1,train/a.png,trainannot/a.png", "2,val/c.png,valannot/c.png"]
    (camvid / "all.csv").write_text("\n".join(rows))
    columns = {"image_column": "photo", "mask_column": "label"}
    found = read(camvid, "all.csv", values=VALUES, ignore=[255], **columns)
    assert pairs(found, camvid)[1] == ("val/c.png", "valannot/c.png")
    with pytest.raises(UsageError, match="there is no column 'photos'") as caught:
        read(camvid, "all.csv", values=VALUES, image_column="photos")
    assert "Did you mean photo?" in caught.value.hint


def test_cityscapes_and_ade_layouts(tmp_path: Path) -> None:
    write_photo(tmp_path / "leftImg8bit/train/aachen/aachen_0_leftImg8bit.png")
    write_mask(tmp_path / "gtFine/train/aachen/aachen_0_gtFine_labelIds.png", stripes([7, 0]))
    found = read(
        tmp_path,
        "leftImg8bit/train",
        photos="leftImg8bit",
        photo_ending="_leftImg8bit",
        masks="gtFine/{path}_gtFine_labelIds.png",
        values={"road": 7},
        ignore=[0],
    )
    assert pairs(found, tmp_path)[0][1] == "gtFine/train/aachen/aachen_0_gtFine_labelIds.png"
    write_photo(tmp_path / "images/training/ADE_1.jpg")
    write_mask(tmp_path / "annotations/training/ADE_1.png", stripes([0, 1, 3]))
    (tmp_path / "names.txt").write_text("wall\nbuilding\nsky\n")
    found = read(
        tmp_path,
        "images/training",
        photos="images",
        masks="annotations/{path}.png",
        classes="names.txt",
        first_value=1,
        ignore=[0],
    )
    assert [category.name for category in found.categories] == ["wall", "building", "sky"]
    assert found.used_categories == {1, 3}


def test_what_a_list_lacks_is_named(camvid: Path) -> None:
    (camvid / "list.txt").write_text("train/a.png\ntrain/bb.png\nval/c.png\nval/xyz\n")
    with pytest.raises(UsageError) as caught:
        read(camvid, "list.txt", masks="{folder}annot/{stem}.png", values=VALUES)
    assert caught.value.message.endswith(
        f"list.txt: 2 of 4 photos are not below {camvid}: 'train/bb.png' (line 2), 'val/xyz' "
        "(line 4)"
    )
    assert caught.value.hint == "Is it train/b.png?"
    with pytest.raises(UsageError, match=r"nothing says where the mask of train/a\.png is"):
        read(camvid, "train", values=VALUES)
    with pytest.raises(UsageError, match=r"\{stam\} is unknown in data\.format\.masks") as caught:
        read(camvid, "train", values=VALUES, masks="{stam}.png")
    assert caught.value.hint == "Did you mean stem?"


def test_missing_masks_are_named(camvid: Path) -> None:
    (camvid / "trainannot" / "b.png").rename(camvid / "trainannot" / "b_.png")
    with pytest.raises(UsageError) as caught:
        read(camvid, "train", masks="{folder}annot/{stem}.png", values=VALUES, ignore=[255])
    message = "train: 1 of 2 photos has no mask: train/b.png (no trainannot/b.png)"
    assert caught.value.message.endswith(message)
    assert caught.value.hint == "Is it trainannot/b_.png?"
    assert len(read(camvid, "train", labelled=False, values=VALUES).images) == 2


def test_values_that_mean_nothing_are_named(camvid: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(camvid, "train", masks="{folder}annot/{stem}.png", values={"Sky": 0, "Road": 1})
    assert caught.value.message.endswith(
        "train: 2 of 2 masks have 3 values that data.format does not name: 2 (16 pixels in "
        "trainannot/a.png and 1 more), 3 (16 pixels in trainannot/a.png and 1 more), 255 (16 "
        "pixels in trainannot/a.png and 1 more)"
    )
    assert "Known: 0, 1. Give 2 a class" in caught.value.hint


def test_numbers_of_objects_are_told_from_classes(tmp_path: Path) -> None:
    write_photo(tmp_path / "p" / "a.png")
    Image.fromarray(stripes([0, 26001]).astype(np.uint16)).save(tmp_path / "m.png")
    with pytest.raises(UsageError, match=r"1 value that .* name: 26001 \(24 pixels") as caught:
        read(tmp_path, "p", masks="m.png", values={"Sky": 0})
    assert "numbers of objects in place of classes?" in caught.value.hint
    found = read(tmp_path, "p", masks="m.png", values={"Sky": 0, "Car": [26001]})
    assert found.used_categories == {1, 2}


def test_the_nearest_colour_is_named(tmp_path: Path) -> None:
    write_photo(tmp_path / "p" / "a.png")
    pixels = np.zeros((6, 8, 3), np.uint8)
    pixels[:2] = (128, 64, 128)
    pixels[5] = (127, 64, 128)
    write_mask(tmp_path / "m" / "a.png", pixels)
    colours = {"Background": [0, 0, 0], "Road": [128, 64, 128], "Car": [[64, 0, 128]]}
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "p", masks="m/{stem}.png", colours=colours)
    assert "1 colour that data.format does not name: [127, 64, 128] (8 pixels" in (
        caught.value.message
    )
    assert "The nearest to [127, 64, 128] is Road, [128, 64, 128]." in caught.value.hint
    found = read(tmp_path, "p", masks="m/{stem}.png", colours=colours, ignore=[[127, 64, 128]])
    assert [category.name for category in found.categories] == ["Road", "Car"]
    assert found.used_categories == {1}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "nothing says which class the values of the masks are"),
        ({"values": {"a": 1}, "classes": ["a"]}, "data.format has values and classes"),
        ({"values": {"a": 1, "b": [2, 1]}}, "data.format gives 1 two meanings"),
        ({"values": {"a": 1}, "ignore": [1]}, "data.format gives 1 two meanings"),
        ({"values": {"a": 1}, "ignore": [[0, 0, 0]]}, "ignore has colours"),
        ({"colours": {"a": [1, 2, 3]}, "ignore": [0]}, "ignore has values"),
        ({"classes": ["a", "b", "a"]}, "data.format.classes repeats a"),
        ({"classes": "names.txt"}, "names.txt: line 2 is empty"),
        ({"values": {"a": 70000}}, "less than or equal to 65535"),
    ],
)
def test_tables_that_make_no_sense(settings: Any, message: str, camvid: Path) -> None:
    (camvid / "names.txt").write_text("a\n\nb\n")
    with pytest.raises(UsageError) as caught:
        read(camvid, "train", masks="{folder}annot/{stem}.png", **settings)
    assert message in caught.value.message


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


def test_masks_may_lie_among_the_photos(tmp_path: Path) -> None:
    """As Roboflow exports them; with and without labels the photos are the same."""
    for name in ("a", "b"):
        write_photo(tmp_path / "train" / f"{name}.png")
        write_mask(tmp_path / "train" / f"{name}_mask.png", stripes([0, 1]))
    for labelled in (True, False):
        found = read(
            tmp_path, "train", labelled=labelled, masks="{path}_mask.png", values={"a": [0, 1]}
        )
        assert [r.file_name for r in found.images] == ["train/a.png", "train/b.png"]


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


def test_a_check_counts_the_pixels_of_masks(
    camvid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = camvid / "r.toml"
    recipe.write_text(
        f'[data]\nroot = "{camvid}"\ntrain = "train"\nval = "val"\nbackground = "Sky"\n'
        '[data.format]\nname = "masks"\nmasks = "{folder}annot/{stem}.png"\nignore = [255]\n'
        "values = {Sky = 0, Road = 1, Car = [2, 3]}\n"
        '[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
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
