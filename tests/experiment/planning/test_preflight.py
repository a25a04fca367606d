from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.project import Project


def test_a_split_without_any_object_is_told_before_the_training(
    project: Project, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project.root / "data"
    shutil.copytree(demo_root, root)
    content = json.loads((root / "train.json").read_text())
    (root / "empty.json").write_text(json.dumps({**content, "annotations": []}))
    options = ["--data", str(root), "--set", "train.epochs=1"]
    assert run(["recipe", "run", "tiny", *options]) == 0
    assert "shows a class" not in capsys.readouterr().err
    assert run(["recipe", "run", "tiny", *options, "--set", "data.train=empty.json"]) == 0
    before, _, _ = capsys.readouterr().err.partition("run tiny-002")
    assert "empty.json: no image of train shows a class other than Background" in before
