"""The team's board in a browser."""

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
def file(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    for author, lr in (("Ann Lee", 0.1), ("김철수", 0.5)):
        monkeypatch.setenv("TRASH_AUTHOR", author)
        assert run(["recipe", "run", "tiny", "--set", f"optimizer.lr={lr}"]) == 0
    assert run(["board"]) == 0
    return project.root / "reports" / "board.html"


def test_it_fits_every_screen_and_everybody(browser: Browser, file: Path) -> None:
    require_fit(browser, file)


def test_runs_are_filtered_by_words(browser: Browser, file: Path) -> None:
    opened = browser.open(file)
    section = opened.page.locator("#runs")
    section.get_by_role("searchbox").fill("LR=0.5 finished")
    rows = section.locator("tbody tr:visible")
    assert rows.count() == 1
    assert "김철수" in rows.first.text_content()
    assert section.get_by_role("status").text_content() == "1 of 2"
    section.get_by_role("searchbox").fill("nobody")
    assert rows.count() == 0
    assert opened.errors == []
