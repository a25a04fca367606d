"""The page on which pseudo-labels are reviewed, in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browser.conftest import Browser, require_fit
from tests.tiny_project import STAGED, project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]
pytestmark = pytest.mark.browser


@pytest.fixture
def file(project: Project) -> Path:
    (project.root / "recipes" / "staged.toml").write_text(STAGED)
    assert run(["recipe", "run", "staged"]) == 0
    (page,) = (project.cache / "pseudo").glob("*.html")
    return page


def test_it_fits_every_screen_and_everybody(browser: Browser, file: Path) -> None:
    require_fit(browser, file)


def test_images_are_filtered_ordered_and_ticked(browser: Browser, file: Path) -> None:
    opened = browser.open(file)
    page = opened.page
    shown = "[...document.querySelectorAll('article:not([hidden])')].map(each => each.dataset.name)"
    names = page.evaluate(shown)
    assert len(names) > 1
    page.get_by_label("Order").select_option("by name")
    assert page.evaluate(shown) == sorted(names)
    page.get_by_role("searchbox").fill(names[0])
    assert page.evaluate(shown) == [names[0]]
    assert page.get_by_role("status").text_content() == f"1 of {len(names)} images"
    page.get_by_text("Ticked images").click()
    page.get_by_role("button", name="Tick all shown").click()
    assert page.locator("#list").input_value() == f"{names[0]}\n"
    page.get_by_role("button", name="Untick all").click()
    assert page.locator("#list").input_value() == ""
    assert opened.errors == []
