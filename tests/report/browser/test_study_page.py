"""The page of a study in Chromium."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.report.browser.conftest import Browser, require_fit
from toolkit.experiment.study.run import Comparison, StudyItem
from toolkit.experiment.study.scores import SeedScores, StudyRow
from toolkit.experiment.study.search import SearchResult, SearchTrial
from toolkit.experiment.study.search_space import SearchKey
from toolkit.metrics.bootstrap import PairedDifference
from toolkit.metrics.scores import Interval
from toolkit.project import Project
from toolkit.report.study_page import write_study_page

pytestmark = pytest.mark.browser

NAMES = ("plain", "rotate30", "<b>한국어</b>", "a_long_name_that_nobody_would_choose_for_a_variant")
CLASSES = ("Background", "Paper & <i>card</i>", "유리")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A study of four variants with three seeds, and the trials of a search."""
    draw = np.random.default_rng(0)
    rows = []
    for number, name in enumerate(NAMES):
        gain = 0.01 * (number - 1)
        outcomes = tuple(
            SeedScores(
                seed,
                f"study-{name}-00{seed}",
                0.7 + gain + draw.normal(0, 0.003),
                0.68 + gain + draw.normal(0, 0.003),
                tuple(draw.uniform(0.2, 0.9, len(CLASSES))),
                60.0,
            )
            for seed in (1, 2, 3)
        )
        over = PairedDifference(gain, Interval(0.002, gain - 0.005, gain + 0.005))
        row = StudyRow(name, f"x.toml#{name}", name, CLASSES, "miou", True, outcomes)
        rows.append(row if number == 0 else StudyRow(**{**row.__dict__, "over_first": over}))
    trials = tuple(
        SearchTrial(n, (f"optimizer.lr={10.0**-n:g}", 'loss.name="ce"'), 0.5 + n / 100, state, 3)
        for n, state in enumerate(("finished", "stopped", "finished", "failed"), start=1)
    )
    keys = (
        SearchKey("optimizer.lr", low=1e-5, high=0.3, log=True),
        SearchKey("loss.name", ('"ce"', '"dice"')),
    )
    items = tuple(StudyItem(name, Path("x.toml")) for name in NAMES)
    comparison = Comparison("study", "Study <script>", items, (1, 2, 3, 4))
    file = tmp_path / "reports" / "study.html"
    report = tmp_path / "runs" / "study-plain-001" / "report.html"
    report.parent.mkdir(parents=True)
    report.write_text("the report")
    search = SearchResult(keys, trials, True, "miou")
    write_study_page(Project(tmp_path), comparison, rows, file, search=search)
    return file


def test_a_study_page_fits_every_screen(page: Path, browser: Browser) -> None:
    require_fit(browser, page)


def test_its_tables_are_sorted_and_filtered_and_its_links_lead_to_runs(
    page: Path, browser: Browser
) -> None:
    opened = browser.open(page)
    content = opened.page
    assert content.locator("h1").inner_text() == "Study <script>"
    assert content.locator(".gains .mean.sure").count() == 2
    assert content.locator(".gains .mean").count() == 3
    scores = content.locator("#scores tbody th")
    assert scores.first.inner_text() == NAMES[-1]
    content.locator("#scores").get_by_role("button", name="variant").press("Enter")
    assert scores.all_inner_texts() == sorted(NAMES)
    content.locator("#runs input").fill("rotate30")
    visible = [row for row in content.locator("#run-table tbody tr").all() if row.is_visible()]
    assert len(visible) == 3
    content.locator("#runs input").fill("")
    content.get_by_role("link", name="study-plain-001").click()
    assert content.locator("body").inner_text() == "the report"
    assert opened.errors == []
