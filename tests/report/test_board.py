"""The team's board, through the command: who stands where, and what has been done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.html_page import Page
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
    found = board(capsys)
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
