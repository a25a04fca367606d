from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile

from tests.report.data_contests import CLASSES, NASTY, boxes, write_coco, write_recipe
from tests.report.html_page import Page
from toolkit.cli.main import run
from toolkit.report import data_report, object_gallery

SIZE = (40, 60)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def report(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[Page, dict[str, Any]]:
    """Write the page of recipes/odd.toml; it names no other file and no other host."""
    capsys.readouterr()
    assert run(["data", "report", "odd", "--json", *more]) == 0
    figures = json.loads(capsys.readouterr().out)
    file = Path(figures["page"])
    page = Page(file)
    for tag, attributes in page.elements:
        for name in ("src", "href", "data"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes)
    assert not re.search(r"https?://", file.read_text(encoding="utf-8"))
    assert file.stat().st_size < 4e6
    return page, figures


def test_the_demo_is_counted_as_its_masks_are(
    demo_root: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(project, demo_root, 'val = "val.json"\ntest = "test.json"\nimage_size = [16, 16]')
    page, figures = report(capsys)
    assert figures["page"] == str(project / "reports" / "odd.data.html")
    coco = json.loads((demo_root / "train.json").read_text())
    names = {each["id"]: each["name"] for each in coco["categories"]}
    by_name = {each["name"]: each for each in figures["classes"]}
    for name in names.values():
        of_class = [each for each in coco["annotations"] if names[each["category_id"]] == name]
        assert by_name[name]["train"]["objects"] == len(of_class)
    for split in ("train", "val"):
        assert sum(each[split]["pixels"] for each in figures["classes"]) == pytest.approx(1)
    assert figures["splits"]["test"]["photos"] == 5
    assert sum(each["train"]["lost"] for each in figures["classes"]) > 0
    assert [section["id"] for section in page.all("section")] == [
        "classes",
        "objects",
        "gallery",
        "together",
        "places",
        "photos",
        "drift",
        "alike",
        "problems",
    ]
    assert {each["id"] for each in page.all("section")} == {
        each["href"][1:] for each in page.all("a") if "class" not in each
    }


def test_objects_that_the_network_never_sees_are_told_by_class(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = [boxes((1, 3, 3, 2, 2), (2, 10, 10, 20, 30), size=SIZE) for _ in range(3)]
    for name in ("train", "val"):
        write_coco(project, name, tiny, seed=len(name))
    write_recipe(project, project, 'val = "val.json"\nimage_size = [10, 15]')
    page, figures = report(capsys)
    lost = {each["name"]: each["train"]["lost"] for each in figures["classes"]}
    assert lost == {"Background": 0, CLASSES[0]: 3, CLASSES[1]: 0, NASTY: 0}
    assert f"6 of 6 objects of {CLASSES[0]} have no pixel left at 10x15" in " ".join(page.text)
    assert f"{NASTY} has no pixel in the train split." in page.text
    # Nothing is resized for native crops.
    write_recipe(project, project, 'val = "val.json"\nimage_size = [10, 15]\ncrops = {}')
    page, figures = report(capsys)
    assert {each["train"]["lost"] for each in figures["classes"]} == {0}
    assert "no object is lost" in " ".join(page.text)


def test_names_of_any_script_and_html_in_them_are_shown_as_they_are(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = [boxes((row + 1, 5, 5, 9, 9), size=SIZE) for row in range(3)]
    for name in ("train", "val"):
        write_coco(project, name, masks, photo="{split}/{row} <i>사진</i>.png", seed=len(name))
    write_recipe(project, project, 'val = "val.json"', f'title = "{NASTY}"')
    page, _ = report(capsys)
    assert len(page.all("script")) == 1
    assert not page.all("b")[7:]  # of the tiles alone
    assert not page.all("i")[0].get("onload")
    assert [text for text in page.text if text == NASTY][1:]
    assert {each["alt"] for each in page.all("img")} >= {f"{NASTY} in train/2 <i>사진</i>.png"}


@pytest.mark.parametrize("channels", [1, 4])
def test_masks_in_folders_and_photos_of_other_channels(
    project: Path, capsys: pytest.CaptureFixture[str], channels: int
) -> None:
    rng = np.random.default_rng(channels)
    for split, count in (("train", 3), ("val", 1)):
        for row in range(count):
            for folder in (split, f"{split}masks"):
                (project / folder).mkdir(exist_ok=True)
            photo = rng.integers(0, 4096, (*SIZE, channels), dtype=np.uint16)
            tifffile.imwrite(project / split / f"{row}.tif", photo)
            mask = boxes((1, 2, 2, 5, 5), (1, 20, 20, 6, 6), (2, 30, 2, 1, 1), size=SIZE)
            cv2.imwrite(str(project / f"{split}masks" / f"{row}.png"), mask)
    data = (
        f'train = "train"\nval = "val"\nchannels = {channels}\nvalue_range = [0, 4095]\n'
        f"image_size = [20, 30]\nmean = {[0.5] * channels}\nstd = {[0.3] * channels}\n"
        'classes = ["<b>paper</b>", "metal", "glass"]\n'
        'format = {name = "masks", masks = "{folder}masks/{stem}.png"}'
    )
    write_recipe(project, project, data)
    page, figures = report(capsys)
    objects = {each["name"]: each["train"]["objects"] for each in figures["classes"]}
    assert objects == {"Background": 0, "<b>paper</b>": 6, "metal": 3, "glass": 0}
    assert {each["name"]: each["train"]["lost"] for each in figures["classes"]}["metal"] == 3
    assert "connected regions" in " ".join(" ".join(page.text).split())
    assert len(figures["splits"]["train"]["mean"]) == channels
    assert figures["splits"]["train"]["mean"][0] == pytest.approx(0.5, abs=0.02)
    assert "With so few of them only the largest differences can be told." in " ".join(page.text)
    assert run(["data", "view", "odd"]) == 0
    shown = Page(Path("reports/odd.train.html")).all("article")
    assert [card["data-labels"] for card in shown] == ["1 2"] * 3
    flip = 'train.batch_size = 2\n[[augment.train]]\nname = "hflip"\np = 1.0'
    write_recipe(project, project, data, flip)
    assert run(["data", "view", "odd", "--augmented"]) == 0
    samples = [
        each for each in Page(Path("reports/odd.augmented.html")).all("img") if "width" in each
    ]
    assert [(each["width"], each["height"]) for each in samples] == [("30", "20")] * (3 + 3 + 2)


def test_a_contest_without_any_object_says_so(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "val"):
        write_coco(project, name, [boxes(size=SIZE)], seed=len(name))
    write_recipe(project, project, 'val = "val.json"')
    page, figures = report(capsys)
    assert "There are no objects." in page.text
    assert page.text.count("No training image shows a class.") == 2
    assert "gallery" not in [section["id"] for section in page.all("section")]
    assert figures["splits"].keys() == {"train", "val"}


def test_many_classes_and_photos_are_shown_in_part_and_counted_in_whole(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_report, "MOST_PHOTOS", 20)
    classes = [f"class {number}" for number in range(1, 151)]
    masks = [boxes((row % 150 + 1, 2, 2, 7, 7), size=(24, 24)) for row in range(160)]
    write_coco(project, "train", masks, classes)
    write_coco(project, "val", masks[:1], classes, seed=1)
    write_recipe(project, project, 'val = "val.json"')
    page, figures = report(capsys)
    assert "20 of 160 train photos were measured" in " ".join(page.text)
    assert (
        figures["splits"]["train"] | {"photos": 160, "measured": 20} == figures["splits"]["train"]
    )
    assert sum(each["train"]["objects"] for each in figures["classes"]) == 160
    assert len(page.all("tr")) > 300
    assert "110 classes with the fewest pixels are left out." in page.text
    gallery = [each for each in page.all("img") if " in train/" in each["alt"]]
    assert len(gallery) == 3 * 150


def test_the_gallery_has_the_smallest_and_the_largest_objects(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_gallery, "_MOST_EACH", 2)
    masks = [boxes((1, 2, 2, side, side), size=SIZE) for side in (9, 3, 30, 12, 21)]
    for name in ("train", "val"):
        write_coco(project, name, masks, seed=len(name))
    write_recipe(project, project, 'val = "val.json"')
    page, _ = report(capsys)
    names = [each["title"] for each in page.all("img") if "title" in each]
    assert names[:4] == [f"train/0000{row}.png" for row in (1, 0, 2, 4)]


def test_photos_that_look_alike_are_shown_in_pairs_those_of_two_splits_first(
    project: Path, capsys: pytest.CaptureFixture[str], bags_root: Path
) -> None:
    write_recipe(project, bags_root, 'test = "val.json"\nval = "val.json"\nimage_size = [160, 160]')
    assert run(["data", "report", "odd"]) == 2  # val and test are one split
    assert "error:" in capsys.readouterr().err
    assert not (project / "reports").exists()
    write_recipe(project, bags_root, 'val = "val.json"\nimage_size = [160, 160]')
    page, figures = report(capsys)
    assert len(figures["near_duplicates"]) > 1
    assert {each["kind"] for each in figures["problems"]} >= {"near-duplicates"}
    crossing = [
        each["photos"][0][:5] != each["photos"][1][:5] for each in figures["near_duplicates"]
    ]
    assert crossing == sorted(crossing, reverse=True)
    shown = len(page.all("article"))
    assert shown == min(len(crossing), 18)
    assert figures["drift"]["val"]["contrast"]["distance"] > 0.5
    assert any("differ from the training photos in contrast most" in text for text in page.text)


def test_a_page_does_not_replace_a_folder(
    project: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(project, demo_root, 'val = "val.json"')
    assert run(["data", "report", "odd", "-o", str(project)]) == 2
    assert f"{project} is a folder" in capsys.readouterr().err


def test_data_that_cannot_be_opened_are_told_and_no_page_is_written(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train", "val"):
        write_coco(project, name, [boxes((1, 2, 2, 9, 9), size=SIZE)] * 3, seed=len(name))
    (project / "train" / "00001.png").unlink()
    write_recipe(project, project, 'val = "val.json"')
    assert run(["data", "report", "odd"]) == 2
    told = capsys.readouterr().err
    assert "train/00001.png" in told
    assert "trash data check RECIPE lists everything that is wrong." in told
    assert not (project / "reports").exists()
