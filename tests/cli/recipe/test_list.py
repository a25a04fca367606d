from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.main import run


def test_list_shows_recipes_with_reference_scores_but_not_bases(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "list"]) == 0
    out = capsys.readouterr().out
    heading, row = out.splitlines()
    assert heading == "recipes"
    assert " ".join(row.split()) == "mine A test; unet resnet18, ce; public 0.7147"
    assert run(["recipe", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["title"] == "A test"


def test_list_finds_words_in_paths_titles_and_components(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes" / "kim").mkdir()
    other = 'extends = "../mine.toml"\ntitle = "Other"\n[loss]\nname = "focal"\n'
    (project / "recipes" / "kim" / "other.toml").write_text(other)
    found = {
        words: [row["path"] for row in _listed(capsys, *words.split())]
        for words in ("kim", "OTHER focal", "resnet18", "mine")
    }
    mine, kim = "recipes/mine.toml", "recipes/kim/other.toml"
    assert found == {"kim": [kim], "OTHER focal": [kim], "resnet18": [mine, kim], "mine": [mine]}
    assert run(["recipe", "list", "nothing"]) == 2
    assert "no recipe has nothing in its path" in capsys.readouterr().err


def _listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, str]]:
    assert run(["recipe", "list", *words, "--json"]) == 0
    rows: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return rows


def test_a_broken_recipe_does_not_hide_the_others(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes" / "broken.toml").write_text("title = ")
    assert run(["recipe", "list"]) == 0
    captured = capsys.readouterr()
    assert "  mine " in captured.out
    assert "recipes/broken.toml:1: not valid TOML" in captured.err
