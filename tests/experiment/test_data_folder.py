"""Where the data are: `--data` and `--set data.*` hold for every recipe of a plan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.experiment.planning.plan import Training
from toolkit.experiment.planning.planner import load_for_run, make_plan
from toolkit.project import Project


@pytest.fixture
def moved(project: Project, demo_root: Path) -> Project:
    """Recipes whose data are not where they say, but in `here/`."""
    text = (project.recipes / "tiny.toml").read_text()
    (project.recipes / "tiny.toml").write_text(text.replace(str(demo_root), "data/contest"))
    (project.recipes / "student.toml").write_text(
        'extends = "tiny.toml"\nmembers = ["grown"]\n[pseudo]\nteachers = ["tiny"]\n'
    )
    (project.recipes / "grown.toml").write_text(
        'extends = "tiny.toml"\n[data]\nimage_size = [16, 16]\n[train]\nstart = "tiny"\n'
    )
    shutil.copytree(demo_root, project.root / "here")
    return project


def roots(project: Project, *set_: str) -> list[tuple[str, str, tuple[int, int]]]:
    workspace = workspace_of(project)
    loaded = load_for_run(workspace, Path("student"), set_, ())
    plan = make_plan(workspace, loaded)
    trainings = [each for each in plan.stages if isinstance(each, Training)]
    return [(e.name, e.recipe.data.root, e.recipe.data.image_size) for e in trainings]


def test_set_data_reaches_teachers_members_and_starts(moved: Project) -> None:
    own = 'data.root="here"'
    assert roots(moved, own) == [
        ("tiny", "here", (32, 32)),
        ("grown", "here", (16, 16)),
        ("student", "here", (32, 32)),
    ]
    # The size of the input belongs to a network.
    assert [size for *_, size in roots(moved, own, "data.image_size=[48, 48]")] == [
        (32, 32),
        (16, 16),
        (48, 48),
    ]


@pytest.mark.parametrize("folder", ["here", "absolute", "../%s/here"])
def test_data_names_the_folder_for_all(
    moved: Project, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(moved.root / "here") if folder == "absolute" else folder
    folder = folder % moved.root.name if "%s" in folder else folder
    assert run(["recipe", "run", "student", "--plan", "--json", "--data", folder]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4
    assert run(["recipe", "check", "student", "grown", "--data", folder]) == 0
    captured = capsys.readouterr()
    assert captured.out.count(": ok") == 2
    assert "not on this machine" not in captured.err
    assert run(["data", "check", "tiny", "--data", folder]) == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["recipes/tiny.toml:6  data.root: there is no folder", "data/contest", "--data DIR"]),
        (("--data", "heer"), ["--data heer: there is no such folder", "Did you mean here?"]),
        (("--data", "recipes"), ["data.train: ", "recipes holds no such file"]),
        (("--data", "here/demo.json"), ["--data here/demo.json: is a file, not a folder"]),
    ],
)
def test_missing_data_say_where_they_go(
    moved: Project,
    arguments: tuple[str, ...],
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("run", "compare"):
        assert run(["recipe", command, "student", *arguments]) == 2
        error = " ".join(capsys.readouterr().err.split())
        for text in expected:
            assert " ".join(text.split()) in error
    assert not moved.runs.exists() or not list(moved.runs.iterdir())


def test_the_recipe_that_misses_them_is_named_with_the_one_that_needs_it(
    moved: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (moved.recipes / "student.toml").read_text()
    (moved.recipes / "student.toml").write_text(text + '[data]\nroot = "here"\n')
    assert run(["recipe", "run", "student"]) == 2
    error = " ".join(capsys.readouterr().err.split())
    assert "recipes/tiny.toml, which recipes/student.toml needs: recipes/tiny.toml:6 data" in error
