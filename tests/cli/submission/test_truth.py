"""What `score` and `diff` take as the truth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_the_truth_may_be_annotations_a_recipe_or_a_file(
    desk: Any, capsys: Capture, tmp_path: Path
) -> None:
    labels = desk.noisy(1)
    a = desk.submit("a.csv", labels)
    truth = str(desk.demo / "test_truth.json")
    as_file = desk.submit("truth.csv", desk.truth())
    recipe = tmp_path / "recipes" / "own" / "known.toml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    recipe.write_text(
        f'[data]\nroot = "{desk.demo}"\ntruth = "test_truth.json"\n'
        '[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n'
    )
    scored, differences = [], []
    for named in (truth, as_file, "own/known"):
        assert run(["submission", "score", a, "--truth", named, "--json"]) == 0
        scored.append(json.loads(capsys.readouterr().out)["mean_iou"])
        assert run(["submission", "diff", named, a, "--json"]) == 0
        differences.append(json.loads(capsys.readouterr().out)["mean_iou"])
        assert run(["submission", "diff", a, named, "--json"]) == 0
        differences.append(json.loads(capsys.readouterr().out)["mean_iou"])
    assert 0.1 < scored[0] < 1
    assert scored == [scored[0]] * 3
    assert differences == pytest.approx([scored[0]] * 6)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("gone.json", "gone.json"),
        ("knwon", "knwon is neither an annotation file nor a submission file nor a recipe"),
        ("plain", "plain: data.truth is unset"),
    ],
)
def test_a_truth_that_is_none_is_told(
    desk: Any, capsys: Capture, tmp_path: Path, named: str, message: str
) -> None:
    a = desk.submit("a.csv", desk.truth())
    (tmp_path / "recipes").mkdir(exist_ok=True)
    (tmp_path / "recipes" / "plain.toml").write_text(
        '[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n'
    )
    for command in (["score", a, "--truth", named], ["diff", a, named]):
        assert run(["submission", *command]) == 2
        assert message in capsys.readouterr().err
