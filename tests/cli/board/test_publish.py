"""`trash board publish`: a folder that a static host can show."""

from __future__ import annotations

import json
from typing import Any

from tests.report.team_records import write_team


def test_page_and_json_are_written_and_written_again(desk: Any) -> None:
    write_team(desk.root)
    assert desk.trash("publish") == 0
    assert desk.capsys.readouterr().out == "reports/board\n"
    folder = desk.root / "reports" / "board"
    assert sorted(path.name for path in folder.iterdir()) == [
        ".nojekyll",
        "board.json",
        "index.html",
    ]
    found = json.loads((folder / "board.json").read_text())
    assert (found["schema"], found["version"]) == ("trash-board", 1)
    assert {card["title"] for card in found["wall"]} > {"MADGRAD", "SegFormer-B3"}
    assert len(found["runs"]) == 17
    desk.team.plan("Ann Lee", "one more", 0)
    (folder / "CNAME").write_text("kept")
    assert desk.trash("publish", str(folder)) == 0
    assert "one more" in (folder / "index.html").read_text()
    assert (folder / "CNAME").read_text() == "kept"


def test_what_is_no_board_is_not_written_over(desk: Any) -> None:
    site = desk.root / "site"
    site.mkdir()
    (site / "index.html").write_text("mine")
    assert "holds a page that is no board: index.html" in desk.refused("publish", "site")
    (site / "board.json").write_text('{"schema": "other"}')
    assert "holds a page that is no board" in desk.refused("publish", "site")
    assert "is a file" in desk.refused("publish", "site/index.html")


def test_json_knows_no_nan(desk: Any) -> None:
    name = desk.team.run("Bo", "unet", 3, 0.625)
    path = desk.root / "records" / f"{name}.json"
    path.write_text(path.read_text().replace("0.625", "NaN"))
    assert desk.trash("publish", "out") == 0
    text = (desk.root / "out" / "board.json").read_text()
    assert json.loads(text, parse_constant=lambda word: 1 / 0)["runs"][0]["validation"] is None


def test_the_page_goes_where_it_is_wanted(desk: Any) -> None:
    desk.team.plan("Ann Lee", "one idea", 1)
    assert desk.trash("-o", "here.html") == 0
    assert desk.capsys.readouterr().out.splitlines()[-1] == "here.html"
    assert "one idea" in (desk.root / "here.html").read_text()
    assert "is a folder" in desk.refused("-o", "recipes")
