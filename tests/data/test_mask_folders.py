"""Where photos and their masks are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.data.mask_pieces import VALUES, pairs, read, stripes, write_mask, write_photo
from toolkit.errors import UsageError


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
    with pytest.raises(
        UsageError,
        match=r"nothing says where the mask of 2 of 2 photos is: "
        r"train/a\.png, train/b",
    ):
        read(camvid, "train", values=VALUES)
    with pytest.raises(UsageError, match=r"\{stam\} is unknown in data\.format\.masks") as caught:
        read(camvid, "train", values=VALUES, masks="{stam}.png")
    assert caught.value.hint == "Did you mean stem?"


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
