"""The page of a run in a browser: its controls, without a mouse, in light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser.conftest import Browser, OpenedPage, require_fit
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]
pytestmark = pytest.mark.browser


@pytest.fixture
def file(project: Project) -> Path:
    assert run(["recipe", "run", "tiny"]) == 0
    assert run(["report", "tiny-001"]) == 0
    return project.runs / "tiny-001" / "report.html"


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[OpenedPage]:
    found = browser.open(file)
    yield found
    assert found.errors == []
    found.page.close()


def test_it_fits_every_screen_and_everybody(browser: Browser, file: Path) -> None:
    require_fit(browser, file)


def test_classes_are_sorted_by_a_click_on_a_heading(opened: OpenedPage) -> None:
    page = opened.page
    heading = page.get_by_role("button", name="recall")
    texts = "[...document.querySelectorAll('#classes tbody tr')].map(r => r.cells[3].textContent)"
    orders = []
    for direction in ("descending", "ascending"):
        heading.click()
        assert page.locator("#classes th[aria-sort]").get_attribute("aria-sort") == direction
        orders.append([float(each) for each in page.evaluate(texts) if each != "–"])
    assert orders[0] == sorted(orders[0], reverse=True)
    assert orders[1] == sorted(orders[1])


def test_the_matrix_shows_shares_or_pixels(opened: OpenedPage) -> None:
    page = opened.page
    cells = (
        "[...document.querySelectorAll('#matrix tbody tr')].map(r => [...r.cells].slice(1)"
        ".map(c => Number(c.textContent.replaceAll(',', '').replace('<', ''))))"
    )
    shares = page.evaluate(cells)
    assert all(abs(sum(row) - 100) < 0.5 or sum(row) == 0 for row in shares)
    page.get_by_label("Cells show").select_option("% of the predicted class")
    columns = list(zip(*page.evaluate(cells), strict=True))
    assert all(abs(sum(column) - 100) < 0.5 or sum(column) == 0 for column in columns)
    page.get_by_label("Cells show").select_option("pixels")
    pixels = page.evaluate(cells)
    for row, own in zip(pixels, shares, strict=True):
        assert own == pytest.approx([100 * each / max(sum(row), 1) for each in row], abs=0.06)


def test_a_chart_is_read_with_the_keyboard_and_with_the_pointer(opened: OpenedPage) -> None:
    page = opened.page
    chart = page.locator("svg.chart").first
    reading = page.locator("figure .reading").first
    chart.focus()
    page.keyboard.press("ArrowRight")
    assert reading.text_content().startswith("epoch 1: training ")
    page.keyboard.press("ArrowRight")
    assert reading.text_content().startswith("epoch 2: training ")
    page.keyboard.press("Tab")
    assert reading.text_content() == ""
    chart.hover()
    assert reading.text_content().startswith("epoch 2: ")


def test_curves_of_classes_are_chosen(opened: OpenedPage) -> None:
    page = opened.page
    shown = page.locator("#curves-of-classes svg:visible")
    choice = page.get_by_label("Classes", exact=True)
    for title in choice.locator("option").all_text_contents():
        choice.select_option(title)
        assert shown.count() == 1
        first = title.split(" … ")[0]
        assert shown.get_attribute("aria-label").startswith(f"IoU of {first}")


def test_cards_are_filtered_and_put_in_order(opened: OpenedPage) -> None:
    page = opened.page
    form = page.locator("form[data-cards]")
    status = form.get_by_role("status")
    n_cards = page.locator("#cards article").count()
    assert status.text_content() == f"{n_cards} of {n_cards} images"

    def shown(figure: str) -> list[str]:
        return page.evaluate(
            "(key) => [...document.querySelectorAll('#cards article:not([hidden])')]"
            ".map(card => card.dataset[key])",
            figure,
        )

    scores = [float(each) for each in shown("score")]
    assert scores == sorted(scores)
    form.get_by_label("Order").select_option("best first")
    assert [float(each) for each in shown("score")] == scores[::-1]
    form.get_by_label("Class").select_option(index=2)
    for order, key in (("most missed first", "misses"), ("most falsely predicted first", "alarms")):
        form.get_by_label("Order").select_option(order)
        of_class = [re.search(r"(?:^| )1:(\S+)", each) for each in shown(key)]
        shares = [float(each[1]) for each in of_class if each]
        assert shares == sorted(shares, reverse=True)
        assert all(each is None for each in of_class[len(shares) :])  # those without come last
    form.get_by_label("Class").select_option(index=0)
    form.get_by_label("Order").select_option("by name")
    names = shown("name")
    assert names == sorted(names)
    form.get_by_role("searchbox").fill(names[0].upper())
    assert shown("name") == [names[0]]
    assert status.text_content() == f"1 of {n_cards} images"
    form.get_by_role("searchbox").fill("")
    form.get_by_label("Class").select_option(index=2)
    assert all("1" in each.split() for each in shown("labels"))


def test_layers_of_a_picture_are_chosen_without_a_mouse(opened: OpenedPage) -> None:
    page = opened.page
    card = page.locator("article").first
    slider = card.get_by_role("slider")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    at = card.locator(".stack").evaluate("each => each.style.getPropertyValue('--at')")
    assert at == "60%"
    card.get_by_label("errors").check()
    visible = card.locator(".layer").evaluate_all(
        "layers => layers.filter(l => l.alt && !l.hidden).map(l => l.alt)"
    )
    assert visible == ["errors"]
    card.get_by_label("photo").check()
    assert card.locator(".layer:visible").count() == 0
