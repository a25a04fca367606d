"""Sampling through the command, as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.data.coco import read_coco
from toolkit.project import Project

WEIGHTED = """
extends = "tiny.toml"

[data.sampling]
by = "weights"
file = "weights.csv"
"""


def _names(demo_root: Path) -> list[str]:
    return [record.file_name for record in read_coco(demo_root / "train.json").images]


@pytest.fixture
def weighted(project: Project, demo_root: Path) -> Project:
    (project.recipes / "weighted.toml").write_text(WEIGHTED)
    lines = [f"{name},{number}\n" for number, name in enumerate(_names(demo_root))]
    (project.root / "weights.csv").write_text("file_name,weight\n" + "".join(lines))
    return project


def _key(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert run(["recipe", "run", *arguments, "--plan", "--json"]) == 0
    stages: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return str(stages[-1]["key"])


def test_weights_count_by_what_they_are(
    weighted: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    file = weighted.root / "weights.csv"
    key = _key(capsys, "weighted")
    (weighted.root / "moved.csv").write_bytes(file.read_bytes())
    assert _key(capsys, "weighted", "--set", "data.sampling.file=moved.csv") == key
    file.write_text(file.read_text().replace(",1\n", ",9\n"))
    assert _key(capsys, "weighted") != key
    assert _key(capsys, "tiny") != key
    assert _key(capsys, "tiny", "--set", "data.sampling.by=uniform") == _key(capsys, "tiny")


@pytest.mark.parametrize("command", [["recipe", "check"], ["recipe", "run"]])
def test_wrong_weights_are_told_with_their_line_before_anything_is_done(
    command: list[str], weighted: Project, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = weighted.root / "weights.csv"
    first = _names(demo_root)[0]
    file.write_text(file.read_text().replace(first, first.replace(".jpg", ".jpeg")))
    assert run([*command, "weighted"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "recipes/weighted.toml:6 data.sampling.file" in told
    assert "1 image is not in data.train" in told
    assert f"did you mean {first}?" in told
    assert not weighted.runs.exists()


def test_a_trial_on_the_demo_leaves_the_weights_out(weighted: Project) -> None:
    assert run(["recipe", "run", "weighted", "--smoke"]) == 0


@pytest.mark.parametrize("mix", ["first", "concat", "ratio", "only"])
def test_pseudo_labelled_images_join_a_resampled_training(
    mix: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.recipes / "self.toml").write_text(
        f'extends = "tiny.toml"\n[pseudo]\nmix = "{mix}"\n[data.sampling]\nby = "balanced"\n'
        "[train]\nepochs = 1\n"
    )
    assert run(["recipe", "run", "self"]) == 0
    told = capsys.readouterr().err
    # The round before the first has real images alone; "only" has none of them afterwards.
    assert told.count("sampling balanced: ") == (1 if mix == "only" else 2)
    runs = sorted(path.name for path in project.runs.iterdir())
    assert runs == ["self-001", "self.round-0-001"]
