"""The team's board, through the command: who stands where, and what has been done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.html_page import Page
from tests.report.team_records import Team, write_team
from tests.tiny_project import project
from toolkit.cli.main import run
from toolkit.project import Project

__all__ = ["project"]


def board(capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert run(["board", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def work(monkeypatch: pytest.MonkeyPatch, author: str, *options: str) -> None:
    monkeypatch.setenv("TRASH_AUTHOR", author)
    assert run(["recipe", "run", "tiny", *options]) == 0


def ranking(found: Any) -> list[tuple[Any, ...]]:
    return [
        (each["rank"], each["member"], each["best"], each["entries"], each["runs"])
        for each in found["places"]
    ]


def test_members_are_ranked_as_the_contest_ranks_them(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work(monkeypatch, "Ann, Lee")
    work(monkeypatch, "김철수", "--set", "optimizer.lr=0.4")
    work(monkeypatch, "김철수", "--set", "seed=5")
    monkeypatch.setenv("TRASH_AUTHOR", "Bo")
    assert (
        run(
            [
                "recipe",
                "run",
                "tiny",
                "--unset",
                "data.test",
                "--unset",
                "data.truth",
                "--unset",
                "data.sample_submission",
            ]
        )
        == 0
    )
    # Without a leaderboard's score the test split ranks.
    found = board(capsys)
    scores = {row["name"]: row["local"] for row in found["submissions"]}
    best = max(scores["tiny-002"], scores["tiny-003"])
    assert found["ranked_by"] == "local"
    expected = sorted(
        [(scores["tiny-001"], "Ann, Lee", 1, 1), (best, "김철수", 2, 2)], reverse=True
    )
    assert ranking(found) == [
        *((rank, who, score, n, runs) for rank, (score, who, n, runs) in enumerate(expected, 1)),
        (None, "Bo", None, 0, 1),
    ]
    # Equal public scores share a rank; one is enough to rank by.
    for name in ("tiny-001", "tiny-003"):
        assert run(["submission", "record", name, "--public", "0.7"]) == 0
    found = board(capsys)
    assert found["ranked_by"] == "public"
    assert ranking(found)[:2] == [(1, "Ann, Lee", 0.7, 1, 1), (1, "김철수", 0.7, 2, 2)]

    page = Page(Path(found["page"]))
    for text in ("김철수", "Ann, Lee", "0.7000", "optimizer.lr=0.4", "best public"):
        assert text in page.text
    assert [each.get("id") for each in page.all("table")][1:] == ["submission-table", "run-table"]
    (chart,) = [json.loads(each["data-lines"]) for each in page.all("svg")]
    assert [line["name"] for line in chart["lines"]] == ["public", "local", "validation"]
    local = [y for _, y in chart["lines"][1]["points"]]
    assert local == sorted(local)


def test_what_is_broken_is_told_and_hides_nothing(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work(monkeypatch, "ann")
    (project.root / "records" / "ann" / "broken-12345678.json").write_text("{")
    # Its submission has the same name; on one's own machine the run is meant.
    assert run(["board", "note", "tiny-001", "seen"]) == 0
    found = board(capsys)
    (card,) = found["wall"]
    assert (card["kind"], card["notes"][0]["text"]) == ("run", "seen")
    assert len(found["runs"]) == 1
    (message,) = found["broken"]
    assert "broken-12345678.json" in message
    assert any("broken-12345678.json" in text for text in Page(Path(found["page"])).text)


def test_an_empty_project_has_an_empty_board(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = board(capsys)
    assert (found["places"], found["runs"], found["submissions"]) == ([], [], [])
    assert "Nothing is recorded yet" in " ".join(Page(Path(found["page"])).text)


def test_what_was_made_from_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    team = write_team(tmp_path)
    found = board(capsys)
    tree = next(each for each in found["lineages"] if each["name"] == "hrnet_unetpp")
    assert outline(tree) == [
        "hrnet_unetpp",
        "  member bae-s/hrnet_mix_pseudo",
        "    teacher bae-s/hrnet_mix",
        "      start bae-s/hrnet_ocr",
        "    teacher 김하나/unetpp",
        "  member 김하나/unetpp_pseudo",
        "    teacher bae-s/hrnet_mix (again)",
        "    teacher 김하나/unetpp",
    ]
    # Names of one's own runs are understood too, and what names itself ends.
    start = {"kind": "start", "checkpoint": "runs/x/best.pt", "run": "unet-900"}
    first = team.run("Bo", "unet", 8, 0.5, name="unet-900", parents=(start,))
    second = team.run("Bo", "unet", 7, 0.5, parents=(start, {"teachers": ["<b>", 3]}, {"x": 1}))
    trees = {each["name"]: outline(each) for each in board(capsys)["lineages"]}
    assert trees[second] == [
        "bo/unet",
        "  start bo/unet",
        "    start bo/unet (again)",
        "  teacher <b>",
        "  teacher 3",
    ]
    assert trees[first] == ["bo/unet", "  start bo/unet (again)"]


def outline(tree: Any, depth: int = 0) -> list[str]:
    name = tree["name"].rpartition("-")[0] if tree["is_record"] else tree["name"]
    line = "  " * depth + f"{tree['how']} {name}".strip() + " (again)" * tree["is_repeated"]
    return [line, *(each for part in tree["parts"] for each in outline(part, depth + 1))]


def test_the_wall_is_on_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_team(tmp_path)
    page = Page(Path(board(capsys)["page"]))
    text = " ".join(page.text)
    for word in (
        "작은 물체: 768 px 학습",
        "run · running? since 6 days",
        "run · failed",
        "idea · dropped",
        "0.7170 + 0.7147 → 0.7205. Our best so far.",
        "rank correlation +0.99",
        "of 10 uploads of",
        "0.6410 ± 0.0060",
    ):
        assert word in text, word
    assert len(page.all("article")) == 18
    run_rows = {each["id"] for each in page.all("tr") if each.get("id")}
    links = {each["href"] for each in page.all("a") if each.get("href", "").startswith("#run-")}
    assert links
    assert {link[1:] for link in links} <= run_rows


def test_correlations_say_of_how_many_submissions_or_that_there_are_too_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    team = Team(tmp_path)
    team.run("Bo", "a", 3, 0.5, 0.4)
    assert run(["board"]) == 0
    assert "1 submission has both scores, too few; 3 say" in capsys.readouterr().out
    team.run("Bo", "b", 2, 0.6, 0.5)
    team.run("Bo", "c", 1, 0.7, 0.6)
    assert run(["board"]) == 0
    assert "put 3 submissions into the same order" in capsys.readouterr().out


def test_the_best_score_so_far_has_a_point_where_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    team = Team(tmp_path)
    for day, public in enumerate((0.5, 0.4, 0.3, 0.6, 0.2, 0.1)):
        team.submit("Bo", f"s{day}", 24 * (9 - day), None, public, [])
    (chart,) = [
        json.loads(each["data-lines"]) for each in Page(Path(board(capsys)["page"])).all("svg")
    ]
    (line,) = chart["lines"]
    assert line["points"] == [[0, 0.5], [2, 0.5], [3, 0.6], [5, 0.6]]


def test_what_people_write_is_no_html(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    team = Team(tmp_path)
    evil = "'\"><script>alert(1)</script>"
    team.plan(evil, evil, 3, text=evil, tags=(evil,))
    name = team.run(evil, "unet", 2, 0.5, title=evil)
    team.note(evil, name, evil * 100, 1, tags=(evil,))
    file = Path(board(capsys)["page"])
    assert "<script>alert" not in file.read_text()
    for article in Page(file).all("article"):
        assert evil in json.loads(article["data-members"])


def test_a_page_of_ten_thousand_records_stays_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    team = Team(tmp_path)
    names = [team.run("Bo", f"unet{n}", 9000 - n, 0.5 + n % 7 / 100) for n in range(3)]
    text = (tmp_path / "records" / f"{names[0]}.json").read_text()
    card = team.plan("Bo", "An idea", 9500, text="why " * 100)
    idea = (tmp_path / "records" / f"{card}.json").read_text()
    for n in range(8000):
        digits = f"{n:08x}"
        (tmp_path / "records" / "bo" / f"unet-{digits}.json").write_text(
            text.replace("0.5,", f"0.{n % 1000:03d},").replace("unet0", f"unet{n}")
        )
    for n in range(2000):
        (tmp_path / "records" / "bo" / f"card-{n:08x}.json").write_text(idea)
    for n in range(30):
        (tmp_path / "records" / "bo" / f"broken-{n}.json").write_text("{")
    found = board(capsys)
    assert (len(found["runs"]), len(found["wall"])) == (8003, 10004)
    file = Path(found["page"])
    assert file.stat().st_size < 1e6
    page = Page(file)
    told = " ".join(page.text)
    assert "The best 250 and the newest 250 of 8\u2009003 are shown" in told
    assert "The newest 100 are shown" in told
    assert "and 10 more, which" in told
    assert len([each for each in page.all("tr") if each.get("id")]) == 500
    assert len(page.all("article")) == 200
