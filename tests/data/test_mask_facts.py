"""What is in masks, and what must not be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.mask_pieces import (
    VALUES,
    open_camvid,
    read,
    stripes,
    write_mask,
    write_photo,
)
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.check import check_split
from toolkit.data.sources import AnnotationFile
from toolkit.errors import UsageError
from toolkit.plugin.component import ComponentSpec
from toolkit.recipe.schema import Data


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
