"""`train.start_head = "new"`: a training that begins with a network of another contest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.experiment.planning.keys import used_plugins
from toolkit.experiment.planning.planner import load_for_run, make_plan
from toolkit.project import Project
from toolkit.train.checkpoint import load_checkpoint
from toolkit.train.inputs import training_inputs, training_key

SMALL = "self.layer = nn.Conv2d(3, context.n_classes, 1)"
LARGER = (
    "self.layer = nn.Sequential("
    "nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, context.n_classes, 1))"
)
OTHER = """
extends = "tiny.toml"

[data]
root = "data/other"
sample_submission = "sample_submission.csv"

[data.demo]
train = 6
val = 3
test = 2
size = 64
seed = 7
classes = ["Bottle", "Can", "Bag"]

[optimizer]
lr = 1e-30

[train]
epochs = 1
start = "tiny-001"
"""
NEW = 'start_head = "new"\n'


@pytest.fixture
def other(project: Project) -> Project:
    """`tiny` was run; `other` has three other classes and begins with it."""
    plugin = project.plugins / "lab.py"
    plugin.write_text(plugin.read_text().replace(SMALL, LARGER))
    (project.recipes / "other.toml").write_text(OTHER)
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    return project


def _allow(project: Project) -> None:
    (project.recipes / "other.toml").write_text(OTHER + NEW)


def test_it_is_refused_without_the_key(other: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "run", "other"]) == 2
    err = capsys.readouterr().err
    assert "recipes/other.toml:21  train.start" in err
    assert "the start runs/tiny-001/best.pt has other classes" in err
    assert 'train.start_head = "new"' in err
    assert {path.name for path in other.runs.iterdir()} == {"tiny-001"}


def test_all_but_the_head_is_taken_and_told(
    other: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    _allow(other)
    assert run(["recipe", "check", "other"]) == 0
    assert run(["recipe", "run", "other"]) == 0
    err = " ".join(capsys.readouterr().err.split())
    assert "2 of 4 tensors are new, all others are those of" in err
    assert "layer.2.weight, layer.2.bias" in err
    before, after = (
        load_checkpoint(other.runs / name / "best.pt") for name in ("tiny-001", "other-001")
    )
    assert after.class_names == ("Background", "Bottle", "Can", "Bag")
    assert torch.equal(after.model_state["layer.0.weight"], before.model_state["layer.0.weight"])
    assert after.model_state["layer.2.weight"].shape[0] == 4
    assert after.lineage["parents"][0]["run"] == "tiny-001"
    manifest = json.loads((other.runs / "other-001" / "manifest.json").read_text())
    assert manifest["result"]["submission"]["rows"] == 2


def test_a_recipe_of_other_classes_is_run_first(
    other: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    _allow(other)
    words = ["recipe", "run", "other", "--set", "train.start=tiny", "--set", "data.workers=0"]
    assert run([*words, "--plan", "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)
    assert [each["what"] for each in stages] == ["train tiny", "train other"]
    assert run(["recipe", "run", "other", "--smoke"]) == 0


@pytest.mark.parametrize(
    ("set_", "place", "message"),
    [
        ("train.start=tiny-001", "train.start", "no tensor need be new"),
        ("seed=3", "train.start_head", "train.start is unset: there is no head to leave out"),
    ],
)
def test_it_is_refused_where_nothing_would_be_new(
    other: Project, capsys: pytest.CaptureFixture[str], set_: str, place: str, message: str
) -> None:
    for command in ("run", "check"):
        words = ["--set", "train.start_head=new", "--set", set_]
        assert run(["recipe", command, "tiny", *words]) == 2
        err = capsys.readouterr().err
        assert f"  {place}\n" in err
        assert message in err
        assert "Leave out train.start_head" in err


def test_the_key_of_a_training_without_it_is_what_it_was(other: Project) -> None:
    workspace = workspace_of(other)
    final = make_plan(workspace, load_for_run(workspace, Path("tiny"), (), ())).final
    inputs = training_inputs(final.recipe, final.contest, final.keys)
    plugins = used_plugins(final.recipe, workspace.registry)
    assert training_key(inputs, plugins) == final.key
    assert inputs["train"].pop("start_head") is None
    assert training_key(inputs, plugins) == final.key
