from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.report.data_contests import CLASSES, NASTY, boxes, write_coco, write_recipe
from tests.report.html_page import Page
from tests.report.test_pseudo_page import decoded
from toolkit.cli.main import run

SIZE = (40, 60)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four training images: of classes 1, 2, both, and none; test photos without labels."""
    monkeypatch.chdir(tmp_path)
    masks = [
        boxes((1, 0, 0, 20, 30), size=SIZE),
        boxes((2, 0, 0, 40, 30), size=SIZE),
        boxes((1, 0, 0, 10, 60), (3, 30, 0, 10, 6), size=SIZE),
        boxes(size=SIZE),
    ]
    for name in ("train", "val", "test"):
        write_coco(tmp_path, name, masks, photo="{split}/<i>{row}</i>.png", seed=len(name))
    write_recipe(tmp_path, tmp_path, 'val = "val.json"\ntest = "test.json"', f'title = "{NASTY}"')
    return tmp_path


def view(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[Page, dict[str, Any]]:
    capsys.readouterr()
    assert run(["data", "view", "odd", "--json", *more]) == 0
    shown = json.loads(capsys.readouterr().out)
    page = Page(Path(shown["page"]))
    for tag, attributes in page.elements:
        for name in ("src", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/")), (tag, attributes)
    return page, shown


def names(page: Page) -> list[str]:
    return [card["data-name"] for card in page.all("article")]


def test_cards_have_the_shares_of_their_classes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, shown = view(capsys)
    assert shown == {"page": str(project / "reports" / "odd.train.html"), "images": 4}
    assert names(page) == [f"train/<i>{row}</i>.png" for row in range(4)]
    cards = page.all("article")
    assert [card["data-labels"] for card in cards] == ["1", "2", "1 3", "none"]
    assert [card["data-shares"].split() for card in cards] == [
        ["1:0.25"],
        ["2:0.5"],
        ["1:0.25", "3:0.025"],
        [],
    ]
    assert [float(card["data-share"]) for card in cards] == [0.25, 0.5, 0.275, 0]
    options = [each["value"] for each in page.all("option")]
    assert options == ["name", "share -1", "share 1", "", "1", "2", "3", "none"]
    assert "nothing but Background" in page.text
    assert [text for text in page.text if text == NASTY]  # the class in the list, unharmed
    assert len(page.all("script")) == 1


def test_labels_lie_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    page, _ = view(capsys, "--name", ">1<")
    (layer,) = [each for each in page.all("img") if "layer" in each.get("class", "")]
    picture = decoded(layer["src"])
    assert picture.shape == (*SIZE, 4)
    expected = np.zeros(SIZE, np.bool_)
    expected[:, :30] = True
    np.testing.assert_array_equal(picture[..., 3] > 0, expected)


def test_images_are_chosen_by_class_and_name(capsys: pytest.CaptureFixture[str]) -> None:
    page, _ = view(capsys, "--class", CLASSES[0])
    assert names(page) == ["train/<i>0</i>.png", "train/<i>2</i>.png"]
    page, _ = view(capsys, "--class", CLASSES[0], "--name", "TRAIN/<I>2")
    assert names(page) == ["train/<i>2</i>.png"]
    assert run(["data", "view", "odd", "--class", CLASSES[1], "--name", "0"]) == 2
    assert (
        f"no image of train shows {CLASSES[1]} and has '0' in its name" in capsys.readouterr().err
    )
    assert run(["data", "view", "odd", "--class", "زجا"]) == 2
    assert f"Did you mean {CLASSES[1]}?" in capsys.readouterr().err


def test_a_sample_says_of_how_many_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    page, shown = view(capsys, "--limit", "3", "--seed", "5")
    assert shown["images"] == len(page.all("article")) == 3
    assert any(
        "3 of 4 images, drawn with seed 5, of the train split." in text for text in page.text
    )


def test_test_photos_have_no_labels(capsys: pytest.CaptureFixture[str]) -> None:
    page, _ = view(capsys, "--split", "test")
    assert names(page) == [f"test/<i>{row}</i>.png" for row in range(4)]
    assert not [each for each in page.all("img") if "layer" in each.get("class", "")]
    assert {card["data-shares"] for card in page.all("article")} == {""}


def test_a_split_that_the_recipe_has_not_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(project, project, 'val = "val.json"')
    assert run(["data", "view", "odd", "--split", "test"]) == 2
    assert "the recipe has no test split" in capsys.readouterr().err


def test_masks_and_many_images(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks = [boxes((1, 0, 0, 9, 9), size=(300, 400)) for _ in range(160)]
    write_coco(project, "train", masks, seed=9)
    page, shown = view(capsys, "--limit", "160")
    widths = {int(each["width"]) for each in page.all("img") if each["alt"].startswith("photo ")}
    assert widths == {220}
    assert Path(shown["page"]).stat().st_size < 5e6
