"""`train.on = "all"`: from a recipe to a submission that nothing claims a validation score of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.experiment.planning.keys import used_plugins
from toolkit.experiment.planning.planner import load_for_run, make_plan
from toolkit.project import Project
from toolkit.submission.side_car import read_side_car
from toolkit.train.inputs import training_inputs, training_key

ON_ALL = ["--set", "train.on=all", "--set", "train.epochs=2"]


@pytest.fixture
def trained(project: Project, capsys: pytest.CaptureFixture[str]) -> Project:
    """`tiny-001` is trained on all images."""
    assert run(["recipe", "run", "tiny", *ON_ALL]) == 0
    return project


def test_a_run_on_all_images_ends_with_a_submission_and_no_validation_score(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    captured = capsys.readouterr()
    lines = [line for line in captured.out.splitlines() if not line.startswith(" ")]
    printed = dict(line.split(maxsplit=1) for line in lines)
    assert printed["validation"] == (
        'none: the validation images were trained on (train.on = "all")'
    )
    assert "mIoU" in printed["score"]
    assert "was trained on 6 of the 6 validation images" in captured.err
    side_car = read_side_car(trained.submissions / "tiny-001.json")
    assert side_car.validation is None
    manifest = json.loads((trained.runs / "tiny-001" / "manifest.json").read_text())
    scores = manifest["result"]["scores"]
    assert {scores[key] for key in ("val_score", "val_miou", "val_iou", "val_loss")} == {None}
    assert manifest["result"]["best_epoch"] == 2
    # Its submission is listed, resumed for longer, and found again.
    assert run(["submission", "list"]) == 0
    assert run(["recipe", "run", "tiny", *ON_ALL, "--set", "train.epochs=3", "--resume"]) == 0
    assert run(["recipe", "run", "tiny", *ON_ALL, "--set", "train.epochs=3", "--plan"]) == 0
    assert "finished before: tiny-001" in " ".join(capsys.readouterr().out.split())
    assert run(["submit", "tiny-001", "--views", "hflip"]) == 0


def test_it_scores_nothing_and_teaches_nobody_who_validates(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    capsys.readouterr()
    for pair in (["tiny-001", "tiny-002"], ["tiny-002", "tiny-001"]):
        assert run(["ensemble", "search", *pair]) == 2
        err = capsys.readouterr().err
        assert 'tiny-001/best.pt was trained on all images (train.on = "all")' in err
    (trained.recipes / "student.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nteachers = ["tiny-001"]\n[train]\nepochs = 1\n'
    )
    assert run(["recipe", "run", "student"]) == 2
    assert "the teacher runs/tiny-001/best.pt was trained on 6 validation images" in (
        capsys.readouterr().err
    )
    assert run(["recipe", "run", "tiny", "--set", "train.start=tiny-001"]) == 2
    assert "was trained on 6 validation images" in capsys.readouterr().err
    # A student on all images validates nothing either.
    assert run(["recipe", "run", "student", "--set", "train.on=all"]) == 0
    assert (
        run(
            [
                "recipe",
                "run",
                "student",
                "--set",
                "train.on=all",
                "--unset",
                "pseudo",
                "--set",
                "train.start=tiny-001",
            ]
        )
        == 0
    )


def test_what_the_recipe_teaches_itself_with_has_seen_all_images_too(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.recipes / "self.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nrounds = 2\n[train]\nepochs = 1\non = "all"\n'
    )
    assert run(["recipe", "run", "self"]) == 0
    assert len(list(project.runs.iterdir())) == 3


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "tiny", "--seeds", "1"],
        ["compare", "tiny", "--seeds", "1", "--plan"],
        ["run", "tiny", "--seeds", "1,2"],
    ],
)
def test_what_needs_validation_scores_is_refused_before_it_trains(
    project: Project, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["recipe", *words, *ON_ALL]) == 2
    err = capsys.readouterr().err
    assert "--set train.on=all  train.on\n" in err
    assert "needs validation scores" in err
    assert "train what was chosen on all images" in err
    assert not project.runs.exists()


@pytest.mark.parametrize(
    ("set_", "key", "message"),
    [
        ("train.patience=3", "train.patience", "there is no validation score to wait for"),
        ("scheduler.name=plateau", "scheduler.name", "scheduler plateau waits for validation"),
    ],
)
def test_what_waits_for_a_score_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str], set_: str, key: str, message: str
) -> None:
    assert run(["recipe", "run", "tiny", *ON_ALL, "--set", set_]) == 2
    err = capsys.readouterr().err
    assert key in err
    assert message in err
    assert not list(project.runs.glob("*"))


def test_the_check_finds_patience_too(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "check", "tiny", *ON_ALL]) == 0
    assert run(["recipe", "check", "tiny", *ON_ALL, "--set", "train.patience=3"]) == 2
    assert "--set train.patience=3  train.patience\n" in capsys.readouterr().err


def test_it_is_another_training_and_those_without_it_are_what_they_were(project: Project) -> None:
    workspace = workspace_of(project)
    keys = []
    for set_ in ((), ("train.on=all",)):
        final = make_plan(workspace, load_for_run(workspace, Path("tiny"), set_, ())).final
        inputs = training_inputs(final.recipe, final.contest, final.keys)
        plugins = used_plugins(final.recipe, workspace.registry)
        assert training_key(inputs, plugins) == final.key
        keys.append(final.key)
    assert keys[0] != keys[1]
    del inputs["train"]["on"]
    assert training_key(inputs, plugins) == keys[0]
