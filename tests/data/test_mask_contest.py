"""Contests whose labels are masks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.mask_pieces import VALUES, Lines, open_camvid, stripes, write_mask
from tests.workspaces import workspace_in
from toolkit.data.contest import open_contest
from toolkit.data.masks import open_masks
from toolkit.errors import UsageError
from toolkit.objects.cutting import chosen_labels, find_pieces
from toolkit.plugin.component import ComponentSpec
from toolkit.progress import SilentProgress
from toolkit.recipe.schema import Data, Objects


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


def test_a_turned_photo_is_read_by_the_size_of_its_mask(camvid: Path, tmp_path: Path) -> None:
    """Its EXIF data turn it by a quarter; one mask was drawn before that, the other after."""
    for name, size in (("a", (6, 8)), ("b", (8, 6))):
        (camvid / "train" / f"{name}.png").unlink()
        exif = Image.Exif()
        exif[274] = 6
        shade = 30 if name == "a" else 60
        photo = Image.fromarray(np.full((6, 8, 3), shade, np.uint8))
        photo.save(camvid / "train" / f"{name}.jpg", exif=exif)
        write_mask(camvid / "trainannot" / f"{name}.png", stripes([0, 1, 2, 3, 255], size))
    train = open_camvid(camvid).train
    assert [(r.file_name, r.oriented, r.width, r.height) for r in train.images] == [
        ("train/a.jpg", False, 8, 6),
        ("train/b.jpg", True, 6, 8),
    ]
    masks = open_masks(train, tmp_path / "cache", None, SilentProgress())
    assert [mask.shape for mask in (masks[0], masks[1])] == [(6, 8), (8, 6)]
