"""A recipe's metric from the training to the list of submissions, through the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.train.checkpoint import load_checkpoint

RUN = ["recipe", "run", "tiny", "--set", "metric.name=image_dice"]


def as_json(capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_it_goes_through_all_that_is_scored(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    result = as_json(capsys, *RUN)
    score = result["scores"]["val_score"]
    assert score == max(
        json.loads(line)["val_score"]
        for line in (project.runs / "tiny-001" / "metrics.jsonl").read_text().splitlines()
    )
    assert score == result["scores"]["val_metrics"]["image_dice"] != result["scores"]["val_miou"]
    assert load_checkpoint(Path(result["checkpoint"])).scores["val_score"] == score
    submission = result["submission"]["score"]
    assert submission["metric"] == "image_dice"

    # The file alone, by its side-car, and by another metric.
    truth = json.loads((project.root / "runs/tiny-001/manifest.json").read_text())
    assert truth["result"]["scores"]["metric"] == "image_dice"
    command = ["submission", "score", "submissions/tiny-001.csv", "--truth", "tiny"]
    again = as_json(capsys, *command)
    assert (again["metric"], again["metrics"]) == ("image_dice", submission["metrics"])
    other = as_json(capsys, *command, "--metric", "miou")
    assert other["metrics"] == submission["metrics"]
    assert next(iter(other["metrics"])) == "miou"

    (row,) = as_json(capsys, "submission", "list")["submissions"]
    assert row["local"] == submission["metrics"]["image_dice"]
    submitted = as_json(capsys, "submit", "tiny-001", "-o", "submissions/again.csv")
    assert submitted["validation"]["metric"] == "image_dice"


def test_people_are_told_which_metric_a_score_is_by(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(RUN) == 0
    told, errors = capsys.readouterr()
    assert "val image_dice" in errors
    assert any(line.startswith("validation  image_dice 0.") for line in told.splitlines())
    assert "            mIoU 0." in told  # all others are below it
    assert run(["recipe", "run", "tiny"]) == 0
    told, errors = capsys.readouterr()
    assert any(line.startswith("validation  mIoU 0.") for line in told.splitlines())
    assert "val image_dice" not in errors
    assert "image_dice 0." in told


def test_runs_are_compared_by_one_metric(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["recipe", "compare", "tiny", "--seeds", "1,2"]
    (by_miou,) = as_json(capsys, *command)
    (by_dice,) = as_json(capsys, *command, "--metric", "image_dice")
    assert [each["run"] for each in by_miou["outcomes"]] == [
        each["run"] for each in by_dice["outcomes"]
    ]
    assert (by_miou["metric"], by_dice["metric"]) == ("miou", "image_dice")
    for one, other in zip(by_miou["outcomes"], by_dice["outcomes"], strict=True):
        scores = json.loads((project.runs / one["run"] / "manifest.json").read_text())["result"]
        assert one["validation"] == scores["scores"]["val_miou"]
        assert other["validation"] == scores["scores"]["val_metrics"]["image_dice"]
        assert other["test"] == scores["submission"]["score"]["metrics"]["image_dice"]
    assert run([*command, "--metric", "image_dice"]) == 0
    assert "validation image_dice" in " ".join(capsys.readouterr().out.split())
    assert run([*command, "--metric", 'dice:classes=["Paper"]']) == 2
    errors = capsys.readouterr().err
    assert 'no run of recipes/tiny.toml is scored by dice:classes=["Paper"]' in errors


def test_another_metric_is_another_training(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert as_json(capsys, *RUN)["run"].endswith("tiny-001")
    states = as_json(capsys, "recipe", "run", "tiny", "--plan")
    assert [each["state"] for each in states] == ["to do"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metric.name=mIoUs", "no metric is called mIoUs"),
        ('metric={name="dice", classes=["Papre"]}', "there is no class called Papre"),
        ("metric.name=3", "metric"),
    ],
)
def test_a_wrong_metric_is_told_before_the_training(
    project: Project, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert run(["recipe", "run", "tiny", "--set", text]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert not list(project.runs.glob("*")) if project.runs.is_dir() else True
