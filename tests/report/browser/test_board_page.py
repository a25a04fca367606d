"""The team's board in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.browser.conftest import Browser, OpenedPage, require_fit
from tests.report.team_records import write_team
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


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    team = write_team(tmp_path)
    team.plan("שרה", "<b>שלום</b> " + "long" * 40, 1, text="word " * 700, tags=("x" * 40,))
    assert run(["board"]) == 0
    return tmp_path / "reports" / "board.html"


def titles(opened: OpenedPage) -> list[str]:
    return [each.text_content() for each in opened.page.locator("article:visible h4").all()]


def test_a_whole_team_fits_every_screen_and_everybody(browser: Browser, team: Path) -> None:
    require_fit(browser, team)


@pytest.mark.parametrize("width", [360, 1400])
def test_cards_are_chosen_by_member_tag_status_and_words(
    browser: Browser, team: Path, width: int
) -> None:
    opened = browser.open(team, width)
    tools = opened.page.locator("form[data-wall]")
    told = tools.get_by_role("status")
    assert told.text_content() == "19 of 19 cards"
    tools.get_by_label("Member").select_option("이도윤")
    assert titles(opened) == ["DeepLabV3+, EfficientNet-B3", "Dice in place of cross-entropy"]
    tools.get_by_label("Status").select_option("dropped")
    assert titles(opened) == ["Dice in place of cross-entropy"]
    assert told.text_content() == "1 of 19 cards"
    assert opened.page.locator(".none:visible").count() == 3
    for name in ("Member", "Status"):
        tools.get_by_label(name).select_option("")
    tools.get_by_label("Tag").select_option("rare-classes")
    tools.get_by_label("Words").fill("BATTERY paste")
    assert titles(opened) == ["Object mix: paste rare classes"]
    tools.get_by_label("Words").fill("")
    tools.get_by_label("Tag").select_option("")
    tools.get_by_label("Status").select_option("running")
    assert titles(opened) == ["UNet++, EfficientNet-B5", "SegFormer-B3"]
    tools.get_by_label("Status").select_option("done")
    tools.get_by_label("Order").select_option("public")
    assert titles(opened)[0] == "hrnet_unetpp (geometric)"
    tools.get_by_label("Order").select_option("validation")
    assert titles(opened)[-1] == "FCN-8s, the organisers' baseline"
    assert opened.errors == []


def test_columns_stand_below_each_other_where_there_is_no_room(
    browser: Browser, team: Path
) -> None:
    for width, n_columns in ((360, 1), (800, 2), (1400, 4)):
        opened = browser.open(team, width)
        boxes = [each.bounding_box() for each in opened.page.locator(".column").all()]
        assert len({round(box["x"]) for box in boxes if box}) == n_columns
        opened.page.close()


def test_a_card_and_a_tree_lead_to_the_row_of_the_run(browser: Browser, team: Path) -> None:
    opened = browser.open(team)
    for place in ("#wall article", "#lineage li"):
        link = opened.page.locator(place).get_by_role("link", name="unetpp_pseudo-").first
        link.focus()
        opened.page.keyboard.press("Enter")
        row = opened.page.locator("tr:target")
        assert "kim/unetpp_pseudo" in row.text_content()
        assert row.is_visible()
    assert opened.errors == []
