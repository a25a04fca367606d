"""The page of label suspects in a browser: its controls, without a mouse, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.coloured_contest import NAMES, RECIPE, write_coloured_contest
from tests.report.browser.conftest import Browser, OpenedPage, require_fit
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]
pytestmark = pytest.mark.browser


@pytest.fixture
def file(project: Project) -> Path:
    write_coloured_contest(project.root / "data" / "coloured")
    (project.root / "recipes" / "coloured.toml").write_text(RECIPE)
    assert run(["data", "split", "coloured", "--folds", "3", "-o", "folds.json"]) == 0
    assert run(["recipe", "run", "coloured", "--folds"]) == 0
    assert run(["data", "suspects", "coloured.folds"]) == 0
    return project.root / "reports" / "suspects-coloured.folds.html"


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[OpenedPage]:
    found = browser.open(file)
    yield found
    assert found.errors == []
    found.page.close()


def test_it_fits_every_screen_and_everybody(browser: Browser, file: Path) -> None:
    require_fit(browser, file)


def test_suspects_are_put_in_order_and_filtered(opened: OpenedPage) -> None:
    page = opened.page
    form = page.locator("form[data-cards]")
    status = form.get_by_role("status")
    assert status.text_content() == "3 of 3 suspects"

    def shown(figure: str) -> list[str]:
        return page.evaluate(
            "(key) => [...document.querySelectorAll('#cards article:not([hidden])')]"
            ".map(card => card.dataset[key])",
            figure,
        )

    doubts = [float(each) for each in shown("doubt")]
    assert doubts == sorted(doubts, reverse=True)
    form.get_by_label("Order").select_option("largest first")
    areas = [int(each) for each in shown("area")]
    assert areas == sorted(areas, reverse=True)
    # The first class is suspected alone; its name holds a tag, which is only a text here.
    form.get_by_label("Class").select_option(NAMES[0])
    assert status.text_content() == "1 of 3 suspects"
    card = page.locator("#cards article:visible")
    assert f"may be {NAMES[0]}" in " ".join(card.inner_text().split())
    form.get_by_label("Class").select_option("all")
    form.get_by_role("searchbox").fill("사진 05")
    assert shown("name") == ["사진 05.png"]
    assert "nothing is labelled, may be green" in " ".join(card.inner_text().split())


def test_label_and_prediction_are_compared_without_a_mouse(opened: OpenedPage) -> None:
    page = opened.page
    card = page.locator("#cards article").first
    slider = card.get_by_role("slider")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    at = card.locator(".stack").evaluate("each => each.style.getPropertyValue('--at')")
    assert at == "60%"
    card.get_by_label("photo").check()
    assert card.locator(".layer:visible").count() == 0
    visible = page.locator("#cards article").nth(1).locator(".layer:visible")
    assert visible.count() > 0  # every card has its own choice
