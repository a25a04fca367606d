"""The pages on data in a browser: their controls, every screen, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser.conftest import Browser, OpenedPage, require_fit
from tests.report.data_contests import CLASSES, boxes, write_coco, write_recipe
from toolkit.cli.main import run

pytestmark = pytest.mark.browser
SIZE = (40, 60)
RECIPE = """
train.batch_size = 4
[[augment.train]]
name = "hflip"
p = 1.0
[[augment.mix]]
name = "mixup"
p = 1.0
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    masks = [
        boxes((1 + row % 3, 3, 3, 2 + 3 * row, 2 + 3 * row), (2, 30, 30, 2, 20), size=SIZE)
        for row in range(8)
    ]
    for seed, name in enumerate(("train", "val", "test")):
        write_coco(tmp_path, name, masks, seed=seed)
    data = 'val = "val.json"\ntest = "test.json"\nimage_size = [20, 30]'
    write_recipe(tmp_path, tmp_path, data, RECIPE)
    return tmp_path


def opened(browser: Browser, file: Path) -> Iterator[OpenedPage]:
    found = browser.open(file)
    yield found
    assert found.errors == []
    found.page.close()


@pytest.fixture
def report(browser: Browser, project: Path) -> Iterator[OpenedPage]:
    assert run(["data", "report", "odd"]) == 0
    yield from opened(browser, project / "reports" / "odd.data.html")


@pytest.fixture
def view(browser: Browser, project: Path) -> Iterator[OpenedPage]:
    assert run(["data", "view", "odd"]) == 0
    yield from opened(browser, project / "reports" / "odd.train.html")


@pytest.fixture
def augmented(browser: Browser, project: Path) -> Iterator[OpenedPage]:
    assert run(["data", "view", "odd", "--augmented", "--limit", "2"]) == 0
    yield from opened(browser, project / "reports" / "odd.augmented.html")


@pytest.mark.parametrize(
    ("words", "page"),
    [
        (["report", "odd"], "odd.data.html"),
        (["view", "odd"], "odd.train.html"),
        (["view", "odd", "--split", "test"], "odd.test.html"),
        (["view", "odd", "--augmented"], "odd.augmented.html"),
    ],
)
def test_they_fit_every_screen_and_everybody(
    browser: Browser, project: Path, words: list[str], page: str
) -> None:
    assert run(["data", *words]) == 0
    require_fit(browser, project / "reports" / page)


def test_classes_are_sorted_by_their_pixels(report: OpenedPage) -> None:
    page = report.page
    rows = "[...document.querySelectorAll('#classes tbody tr')]"
    values = f"{rows}.map(row => Number(row.cells[1].dataset.value))"
    page.get_by_role("button", name="train pixels").click()
    found = page.evaluate(values)
    assert found == sorted(found, reverse=True)
    page.get_by_role("button", name="train pixels").press("Enter")
    assert page.evaluate(values) == found[::-1]


def test_the_gallery_shows_one_class_at_a_time(report: OpenedPage) -> None:
    page = report.page
    gallery = page.locator("#gallery")
    assert gallery.locator("h3:visible").all_text_contents()[0] == f"{CLASSES[0]}: smallest"
    gallery.get_by_label("Class").select_option(CLASSES[1])
    assert gallery.locator("h3:visible").all_text_contents() == [
        f"{CLASSES[1]}: {kind}" for kind in ("smallest", "largest", "random")
    ]


def test_the_matrix_shows_shares_or_images(report: OpenedPage) -> None:
    page = report.page
    cell = page.locator("#matrix tbody tr").nth(0).locator("td").nth(0)
    assert cell.text_content() == "100"
    page.get_by_label("Cells show").select_option("images")
    assert cell.text_content() == "3"


def test_bars_are_read_with_the_keyboard(report: OpenedPage) -> None:
    page = report.page
    chart = page.locator("#objects svg.chart").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    reading = page.locator("#objects .reading").first
    assert reading.text_content() == "objects 0: train % 0 · val % 0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert reading.text_content().startswith("objects 2: train % 62.5")


def names(page: OpenedPage) -> list[str]:
    return page.page.locator("article:visible").evaluate_all("all => all.map(c => c.dataset.name)")


def test_images_are_filtered_and_put_in_order_by_the_share_of_a_class(view: OpenedPage) -> None:
    page = view.page
    assert names(view) == [f"train/0000{row}.png" for row in range(8)]
    page.locator("[name=label]").select_option(CLASSES[0])
    assert names(view) == [f"train/0000{row}.png" for row in (0, 3, 6)]
    page.locator("[name=order]").select_option("most of the class first")
    assert names(view) == [f"train/0000{row}.png" for row in (6, 3, 0)]
    page.locator("[name=label]").select_option("all")
    page.get_by_role("searchbox", name="Name").fill("7")
    assert names(view) == ["train/00007.png"]
    assert page.locator("#images [role=status]").text_content() == "1 of 8 images"


def test_the_slider_takes_the_labels_from_the_photo(view: OpenedPage) -> None:
    card = view.page.locator("article").first
    clip = "layer => getComputedStyle(layer).clipPath"
    layer = card.locator(".layer.right")
    assert layer.evaluate(clip) == "inset(0px 0px 0px 0%)"
    card.get_by_role("slider").fill("50")
    assert layer.evaluate(clip) == "inset(0px 0px 0px 50%)"


def test_before_and_after_are_switched(augmented: OpenedPage) -> None:
    page = augmented.page
    step = page.locator("#shots .shots").nth(1)
    before, layer = step.locator(".before").first, step.locator(".layer").first
    assert (before.is_visible(), layer.is_visible()) == (False, True)
    page.locator("#steps").get_by_label("Show").select_option("before")
    assert (before.is_visible(), layer.is_visible()) == (True, False)
    picture = before.evaluate("each => getComputedStyle(each).backgroundImage")
    assert picture.startswith('url("data:image/jpeg')
    first = page.locator("#shots .shots").first.locator("img").first.get_attribute("src")
    assert picture == f'url("{first}")'


def test_second_labels_of_a_mix_are_shown(augmented: OpenedPage) -> None:
    page = augmented.page
    batch = page.locator("#batch-shots")
    assert not batch.locator(".second-labels").first.is_visible()
    page.locator("#batches").get_by_label("Show").select_option("image with second labels")
    assert batch.locator(".second-labels").first.is_visible()
    assert not batch.locator(".first-labels").first.is_visible()
