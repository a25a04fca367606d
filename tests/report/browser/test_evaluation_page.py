"""The pages of an evaluation in a browser: of a file, of checkpoints, and of several."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.report.browser.conftest import Browser, require_fit
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]
pytestmark = pytest.mark.browser

FILE = "submissions/tiny-001.csv"


@pytest.fixture
def pages(project: Project) -> dict[str, Path]:
    """Pages of a submission file, of two checkpoints that are combined, and of two side by side."""
    for lr in (0.1, 0.5):
        assert run(["recipe", "run", "tiny", "--set", f"optimizer.lr={lr}"]) == 0
    both = ["tiny-001", "tiny-002"]
    commands = {
        "file": [FILE, "--truth", "tiny"],
        "ensemble": [*both, "--ensemble", "--post", "min_area:pixels=30"],
        "several": [*both, "--split", "test"],
    }
    for name, words in commands.items():
        assert run(["evaluate", *words, "-o", f"{name}.html"]) == 0
    return {name: project.root / f"{name}.html" for name in commands}


def test_they_fit_every_screen_and_everybody(browser: Browser, pages: dict[str, Path]) -> None:
    for page in pages.values():
        require_fit(browser, page)


def test_cards_of_a_file_are_put_in_order_and_show_the_truth(
    browser: Browser, pages: dict[str, Path]
) -> None:
    opened = browser.open(pages["file"])
    page = opened.page
    form = page.locator("form[data-cards]")
    orders = form.get_by_label("Order").locator("option").all_text_contents()
    assert "most missed first" in orders
    assert "most doubtful first" not in orders  # a file holds no probabilities
    figures = "(key) => [...document.querySelectorAll('article')].map(c => Number(c.dataset[key]))"
    scores = page.evaluate(figures, "score")
    assert scores == sorted(scores)
    form.get_by_label("Order").select_option("most falsely predicted first")
    alarms = page.evaluate(figures, "alarm")
    assert alarms == sorted(alarms, reverse=True)
    card = page.locator("article").first
    assert re.search(r"missed [\d.]+% · false [\d.]+%", card.text_content())
    visible = "layers => layers.filter(l => l.alt && !l.hidden).map(l => l.alt)"
    assert card.locator(".layer").evaluate_all(visible) == ["prediction", "truth"]
    card.get_by_label("errors").check()
    assert card.locator(".layer").evaluate_all(visible) == ["errors"]
    assert opened.errors == []
    page.close()


def test_an_ensemble_shows_its_members_and_its_doubts(
    browser: Browser, pages: dict[str, Path]
) -> None:
    opened = browser.open(pages["ensemble"])
    page = opened.page
    heads = page.locator("#scores th[scope=col]").all_text_contents()
    assert heads == ["metric", "combined", "tiny-001", "tiny-002"]
    page.get_by_label("Order").select_option("most doubtful first")
    figures = "[...document.querySelectorAll('article')].map(c => Number(c.dataset.confidence))"
    confidences = page.evaluate(figures)
    assert confidences == sorted(confidences)
    assert opened.errors == []
    page.close()
