"""Averaging checkpoints through the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.train.checkpoint import load_checkpoint


@pytest.fixture
def snapshots(project: Project, capsys: pytest.CaptureFixture[str]) -> Project:
    arguments = ["--set", "train.epochs=4", "--set", "train.snapshot_every=2"]
    assert run(["recipe", "run", "tiny", *arguments]) == 0
    capsys.readouterr()
    return project


SNAPSHOTS = ("runs/tiny-001/epoch-002.pt", "runs/tiny-001/epoch-004.pt")


def test_a_run_keeps_snapshots_that_are_averaged_and_submitted(
    snapshots: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = sorted(path.name for path in (snapshots.runs / "tiny-001").glob("epoch-*.pt"))
    assert kept == ["epoch-002.pt", "epoch-004.pt"]
    assert [load_checkpoint(Path(name)).epoch for name in SNAPSHOTS] == [2, 4]
    assert run(["ensemble", "average", *SNAPSHOTS, "-o", "soup.pt", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    soup = load_checkpoint(Path("soup.pt"))
    first, second = (load_checkpoint(Path(name)) for name in SNAPSHOTS)
    for name, tensor in soup.model_state.items():
        mean = (first.model_state[name] + second.model_state[name]) / 2
        torch.testing.assert_close(tensor, mean)
    assert found["scores"]["mean_iou"] == soup.scores["val_miou"]
    assert found["members"][0] == ["tiny-001/epoch-002", first.scores["val_miou"]]
    assert [parent["checkpoint"] for parent in soup.lineage["parents"]] == list(SNAPSHOTS)
    # The score is what a training would say of the same weights.
    assert run(["submit", "soup.pt", "-o", "soup.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 5


def test_one_checkpoint_keeps_its_weights_and_its_score(
    snapshots: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ensemble", "average", SNAPSHOTS[1], "-o", "same.pt", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    original = load_checkpoint(Path(SNAPSHOTS[1]))
    assert found["scores"]["mean_iou"] == pytest.approx(original.scores["val_miou"])
    for name, tensor in load_checkpoint(Path("same.pt")).model_state.items():
        assert torch.equal(tensor, original.model_state[name])


def test_snapshots_make_no_other_training(
    snapshots: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (snapshots.recipes / "both.toml").write_text(
        'extends = "tiny.toml"\ntitle = "both"\nmembers = ["tiny"]\nseed = 5\n[train]\nepochs = 4\n'
    )
    (snapshots.recipes / "tiny.toml").write_text(
        (snapshots.recipes / "tiny.toml").read_text().replace("epochs = 3", "epochs = 4")
    )
    assert run(["recipe", "run", "both", "--plan"]) == 0
    assert "tiny-001" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SNAPSHOTS, "-o", "recipes/tiny.toml"], "Use recipes/tiny.pt."),
        ([*SNAPSHOTS, "-o", SNAPSHOTS[0]], f"{SNAPSHOTS[0]} exists"),
        ([*SNAPSHOTS, "-o", "x.pt", "--weights", "1"], "1 weight for 2 files"),
        ([*SNAPSHOTS, "-o", "x.pt", "--weights", "0,0"], "one must be above 0"),
        ([SNAPSHOTS[0], "runs/other/best.pt", "-o", "x.pt"], "runs/other/best.pt"),
    ],
)
def test_mistakes_are_told(
    arguments: list[str],
    message: str,
    snapshots: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["ensemble", "average", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not Path("x.pt").exists()


def test_another_division_or_input_size_is_refused(
    snapshots: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--set", "data.image_size=[64,32]"]) == 0
    assert run(["ensemble", "average", *SNAPSHOTS, "runs/tiny-002/best.pt", "-o", "x.pt"]) == 2
    assert "another input size" in capsys.readouterr().err
