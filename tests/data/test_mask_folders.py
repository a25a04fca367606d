from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.data.camvid import VALUES, stripes, write_mask, write_photo
from tests.workspaces import workspace_in
from toolkit.data.annotation_sets import read_annotations
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.reader import AnnotationSet
from toolkit.recipe.schema import Data


def read(root: Path, name: str, *, labelled: bool = True, **format_: Any) -> AnnotationSet:
    data = Data(format=ComponentSpec(name="masks", **format_))
    return read_annotations(workspace_in(), data, root / name, root, labelled=labelled)


def pairs(found: AnnotationSet, root: Path) -> list[tuple[str, str]]:
    return [
        (record.file_name, record.mask.path.relative_to(root).as_posix())
        for record in found.images
        if record.mask is not None
    ]


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
