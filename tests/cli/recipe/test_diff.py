from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tiny_project import project as tiny_project
from toolkit.cli.main import run
from toolkit.project import Project

Capture = pytest.CaptureFixture[str]

__all__ = ["tiny_project"]


def write(name: str, text: str) -> None:
    Path("recipes", f"{name}.toml").write_text(text)


def test_differences_are_printed_with_their_places(project: Path, capsys: Capture) -> None:
    write("faster", 'extends = "mine.toml"\n[train]\nepochs = 2\n')
    assert run(["recipe", "diff", "mine", "faster"]) == 0
    captured = capsys.readouterr()
    head, row = captured.out.splitlines()
    assert head.split() == ["key", "A", "B", "changes", "from", "(A)", "from", "(B)"]
    assert row.split() == [
        "train.epochs",
        "20",
        "2",
        "training",
        "default",
        "recipes/faster.toml:3",
    ]
    assert "A = recipes/mine.toml, B = recipes/faster.toml" in captured.err
    assert "they differ in what changes: training" in captured.err
    assert "stages were not compared: data is not on this machine (--data DIR)" in captured.err


def test_equal_recipes_are_said_to_be_so(project: Path, capsys: Capture) -> None:
    write("again", 'extends = "mine.toml"\n')
    assert run(["recipe", "diff", "mine", "again"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "every value is the same" in captured.err


def test_what_is_neither_recipe_nor_run_is_refused(project: Path, capsys: Capture) -> None:
    assert run(["recipe", "diff", "mine", "mime"]) == 2
    err = capsys.readouterr().err
    assert "there is no recipe mime" in err
    assert "Did you mean" in err


def test_shared_stages_are_named(tiny_project: Project, capsys: Capture) -> None:
    """A recipe with pseudo-labels is taught by the very network that another one trains."""
    write("staged", 'extends = "tiny.toml"\n[pseudo]\n')
    write("views", 'extends = "tiny.toml"\n[predict]\nviews = "hflip"\n')
    assert run(["recipe", "run", "tiny"]) == 0
    capsys.readouterr()
    assert run(["recipe", "diff", "tiny", "staged", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["first"], found["second"]) == ("recipes/tiny.toml", "recipes/staged.toml")
    assert (found["changes"], found["same_training"]) == ("training", False)
    (stage,) = found["shared_stages"]
    assert (stage["what"], stage["state"], stage["where"]) == ("train tiny", "finished", "tiny-001")
    assert found["not_compared"] == ""

    assert run(["recipe", "diff", "tiny", "views"]) == 0
    err = capsys.readouterr().err
    assert "they differ in what changes: prediction" in err
    assert "one training, which runs once for both" in err
    assert "shared stages: train tiny (finished, tiny-001)" in err


def test_a_run_is_compared_with_what_its_recipe_has_become(
    tiny_project: Project, capsys: Capture
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    text = Path("recipes/tiny.toml").read_text()
    Path("recipes/tiny.toml").write_text(text.replace("lr = 0.1", "lr = 0.2"))
    capsys.readouterr()
    assert run(["recipe", "diff", "tiny-001", "tiny", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["first"].startswith("ann-lee/tiny-")
    (row,) = found["differences"]
    assert (row["key"], row["first"], row["second"]) == ("optimizer.lr", "0.1", "0.2")
    assert row["first_origin"].startswith("records/ann-lee/tiny-")
    assert row["second_origin"].startswith("recipes/tiny.toml:")
    assert found["same_training"] is False
