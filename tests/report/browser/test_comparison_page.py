"""The page of several runs in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browser.conftest import Browser, require_fit
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]
pytestmark = pytest.mark.browser


@pytest.fixture
def file(project: Project) -> Path:
    for lr in (0.1, 0.5):
        assert run(["recipe", "run", "tiny", "--set", f"optimizer.lr={lr}"]) == 0
    assert run(["report", "tiny-001", "tiny-002", "-o", "page.html"]) == 0
    return project.root / "page.html"


def test_it_fits_every_screen_and_everybody(browser: Browser, file: Path) -> None:
    require_fit(browser, file)


def test_predictions_and_errors_of_both_are_shown(browser: Browser, file: Path) -> None:
    opened = browser.open(file)
    card = opened.page.locator("article").first
    shown = "layers => layers.filter(l => !l.hidden && l.alt).map(l => l.alt)"
    layers = card.locator(".layer")
    assert layers.evaluate_all(shown) == ["tiny-001", "tiny-002"]
    for name in ("truth", "errors of tiny-001", "errors of tiny-002"):
        card.get_by_label(name, exact=True).check()
        assert layers.evaluate_all(shown) == [name]
    gains = "[...document.querySelectorAll('article')].map(each => Number(each.dataset.gain))"
    worst_first = opened.page.evaluate(gains)
    assert worst_first == sorted(worst_first)
    opened.page.get_by_label("Order").select_option("tiny-002 is better first")
    assert opened.page.evaluate(gains) == worst_first[::-1]
    assert opened.errors == []
