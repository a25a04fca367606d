"""`trash recipe compare --plan`: what is there, what would be trained; nothing is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project

STUDENT = """
extends = "tiny.toml"
[pseudo]
teachers = ["tiny"]
[train]
epochs = 1
"""


@pytest.fixture
def pair(project: Project) -> Project:
    """`tiny`, and `student`, which is taught by it (with its own seed, 3)."""
    (project.recipes / "student.toml").write_text(STUDENT)
    return project


def _plan(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["recipe", "compare", *words, "--plan", "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def _note(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert run(["recipe", "compare", *words, "--plan"]) == 0
    return capsys.readouterr().err.splitlines()[-1]


def _files(project: Project) -> set[Path]:
    return set(project.runs.rglob("*")) | set((project.cache / "pseudo").rglob("*"))


def test_nothing_is_there_and_nothing_is_made(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    planned = _plan(capsys, "tiny", "student", "--seeds", "1,2")
    assert [(each["recipe"], each["seed"]) for each in planned] == [
        ("recipes/tiny.toml", 1),
        ("recipes/student.toml", 1),
        ("recipes/tiny.toml", 2),
        ("recipes/student.toml", 2),
    ]
    assert all(each["run"] is None for each in planned)
    stages = [[(s["what"], s["state"]) for s in each["stages"]] for each in planned]
    taught = [("train tiny", "to do"), ("label 5 images by tiny", "to do")]
    assert (
        stages
        == [
            [("train tiny", "to do")],
            [*taught, ("train student", "to do")],
        ]
        * 2
    )
    note = _note(capsys, "tiny", "student", "--seeds", "1,2")
    assert note.endswith("0 of 4 runs are finished; to do: 5 trainings and 1 labelling")
    assert not pair.runs.exists()
    assert not (pair.cache / "pseudo").exists()


def test_it_says_what_the_comparison_then_does(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "compare", "tiny", "--seeds", "3"]) == 0
    capsys.readouterr()
    words = ["tiny", "student", "--seeds", "3,4"]
    before = _files(pair)
    planned = _plan(capsys, *words)
    assert _files(pair) == before
    assert [each["run"] for each in planned] == ["tiny-001", None, None, None]
    assert planned[0]["stages"] == []
    assert [stage["state"] for stage in planned[1]["stages"]] == ["finished", "to do", "to do"]
    note = _note(capsys, *words)
    assert note.endswith("1 of 4 runs is finished; to do: 3 trainings and 1 labelling")

    assert run(["recipe", "compare", *words]) == 0
    capsys.readouterr()
    names = {path.name for path in pair.runs.glob("*/")}
    assert len(names) == 1 + 3
    planned = _plan(capsys, *words)
    assert {each["run"] for each in planned} == names
    assert _note(capsys, *words).endswith("4 of 4 runs are finished; to do: 0 trainings")


def test_a_recipe_before_trains_what_a_later_one_needs(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["tiny", "student", "--seeds", "3"]
    assert _note(capsys, *words).endswith("to do: 2 trainings and 1 labelling")
    assert run(["recipe", "compare", *words]) == 0
    assert len(list(pair.runs.glob("*/"))) == 2


def test_a_run_whose_submission_would_differ_is_named_with_the_plans_words(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "compare", "tiny", "--seeds", "1"]) == 0
    capsys.readouterr()
    assert run(["recipe", "compare", "tiny", "--seeds", "1", "--set", "submission.size=[8,8]"]) == 0
    capsys.readouterr()
    words = ["tiny", "--seeds", "1", "--set", "submission.size=[24,24]"]
    assert run(["recipe", "compare", *words, "--plan"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "recipe seed stage state where" in printed
    assert "train tiny to do (finished before: tiny-002)" in printed


def test_a_mistake_is_told_as_by_the_comparison(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "compare", "tiny", "--seeds", "1,1", "--plan"]) == 2
    assert "the same seed is named twice" in capsys.readouterr().err


def test_validation_of_crops_and_of_resized_photos_is_not_compared_silently(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = project.recipes / "tiny.toml"
    (project.recipes / "crops.toml").write_text('extends = "tiny.toml"\n[data.crops]\n')
    (project.recipes / "other.toml").write_text('extends = "crops.toml"\ntitle = "Other"\n')
    told = "warning: validation scores of crops (data.crops) and tiny (resized photos)"

    def printed(*words: str) -> str:
        assert run(["recipe", "compare", *words, "--plan"]) == 0
        return capsys.readouterr().err

    assert 'truth = "test_truth.json"\n' in tiny.read_text()
    assert told not in printed("tiny", "crops")
    tiny.write_text(tiny.read_text().replace('truth = "test_truth.json"\n', ""))
    assert printed("tiny", "crops", "--seeds", "1,2").count(told) == 1
    assert "warning" not in printed("crops", "other")
