"""A newcomer's first commands, in a folder where nothing is yet: each ends in what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.main import run

WRITE = "trash recipe new NAME --data DIR"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("recipe list", ["there are no recipes in", WRITE]),
        ("recipe run demo", ["there is no recipe demo", WRITE]),
        ("recipe show demo", ["there is no recipe demo", WRITE]),
        ("recipe compare demo other", ["there is no recipe demo", WRITE]),
        ("recipe new mine --extends demo", ["there is no recipe demo", WRITE]),
        ("recipe new mine --data data", ["--data data: there is no such folder"]),
        ("data check demo", ["there is no recipe demo", WRITE]),
        ("data objects demo", ["there is no recipe demo", WRITE]),
        ("data split demo -o folds.json", ["there is no recipe demo", WRITE]),
        ("predict demo", ["there is no checkpoint demo", "trash recipe run RECIPE"]),
        ("submit runs/demo-001", ["no checkpoint runs/demo-001", "trash recipe run RECIPE"]),
        ("ensemble search a b", ["there is no checkpoint a", "trash recipe run RECIPE"]),
        ("ensemble average a -o b.pt", ["there is no checkpoint a", "trash recipe run RECIPE"]),
        ("submission check a.csv", ["submission file not found: a.csv", "trash submit RUN"]),
        ("submission show a.csv", ["submission file not found: a.csv", "trash submit RUN"]),
        ("submission diff a.csv b.csv", ["submission file not found: a.csv"]),
        ("submission record a.csv --public 0.7", ["submission file not found: a.csv"]),
        ("pseudo show x", ["there is no pseudo-label set x", "a recipe with [pseudo]"]),
    ],
)
def test_each_says_what_is_missing_and_what_to_do(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    expected: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(command.split()) == 2
    captured = capsys.readouterr()
    error = " ".join(captured.err.split())
    for text in expected:
        assert text in error
    assert captured.out == ""
    assert not list(tmp_path.iterdir())  # nothing is left behind


def test_a_recipe_whose_data_are_missing_says_where_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["recipe", "new", "mine"]) == 0
    for command in (["recipe", "run"], ["data", "check"], ["data", "objects"]):
        assert run([*command, "mine"]) == 2
        error = " ".join(capsys.readouterr().err.split())
        assert "there is no folder" in error
        assert "--data DIR" in error


def test_a_near_submission_is_named_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submissions").mkdir()
    (tmp_path / "submissions" / "demo-001.csv").touch()
    assert run(["submission", "check", "demo-01.csv"]) == 2
    assert "Did you mean submissions/demo-001.csv?" in capsys.readouterr().err
