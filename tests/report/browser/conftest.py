"""Chromium, and what every page must do in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser
WIDTHS = (360, 800, 1600)
_PAPER = 794
"""Width of A4 in CSS pixels."""
SCHEMES = ("light", "dark")


@dataclass
class Browser:
    """A running Chromium."""

    chromium: Any

    def open(self, file: Path, width: int = 1280, scheme: str = "light") -> OpenedPage:
        """Open a page of the disk; whatever goes wrong in it is kept."""
        page = self.chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        opened = OpenedPage(page, [])
        page.on("console", lambda each: each.type == "error" and opened.errors.append(each.text))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.on(
            "request",
            lambda each: (
                each.url.startswith(("data:", "file:"))
                or opened.errors.append(f"asked for {each.url}")
            ),
        )
        page.goto(file.as_uri())
        return opened


@dataclass
class OpenedPage:
    """A page that is open, with all errors so far."""

    page: Any
    errors: list[str]

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - innerWidth"))

    def violations(self) -> list[str]:
        """Return what axe-core finds wrong for people who see, hear or move otherwise."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    assert program, "these tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu"]
        chromium = playwright.chromium.launch(executable_path=program, args=options)
        yield Browser(chromium)
        chromium.close()


def require_fit(browser: Browser, file: Path) -> None:
    """Open a page in every width and colour scheme: no error, no overflow, nothing inaccessible."""
    for scheme in SCHEMES:
        for width in WIDTHS:
            opened = browser.open(file, width, scheme)
            assert opened.overflow() <= 0, f"wider than {width} pixels"
            if width != WIDTHS[1]:
                assert opened.violations() == [], f"{scheme}, {width} pixels"
            assert opened.errors == []
            opened.page.close()
    printed = browser.open(file, _PAPER)
    printed.page.emulate_media(media="print")
    assert printed.overflow() <= 0, "printed, something is cut off"
    printed.page.close()
