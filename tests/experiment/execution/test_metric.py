"""A recipe's metric from the training to the list of submissions, through the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit import Context
from toolkit.cli.main import run
from toolkit.metrics.counts_file import read_counts
from toolkit.metrics.scores import build_metrics
from toolkit.plugin.discovery import builtin_registry
from toolkit.project import Project
from toolkit.submission.side_car import read_side_car
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
    found = as_json(capsys, *command)
    again = as_json(capsys, *command, "--metric", "image_dice")
    assert (found["metric"], again["metric"]) == ("miou", "image_dice")
    (by_miou,), (by_dice,) = found["rows"], again["rows"]
    assert [each["run"] for each in by_miou["outcomes"]] == [
        each["run"] for each in by_dice["outcomes"]
    ]
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


def test_the_counts_of_every_image_lie_beside_what_they_score(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    result = as_json(capsys, *RUN)
    registry, classes = (
        builtin_registry(),
        tuple(load_checkpoint(Path(result["checkpoint"])).class_names),
    )
    metrics = build_metrics(registry, None, Context(classes)).by_name
    trained = read_counts(project.runs / "tiny-001" / "best.counts")
    assert trained.of == str(result["best_epoch"])
    counts = trained.counts("validation")
    assert counts is not None
    for name, score in result["scores"]["val_metrics"].items():
        assert metrics[name](counts).score == score
    submitted = read_counts(project.submissions / "tiny-001.counts")
    side_car = read_side_car(project.submissions / "tiny-001.json")
    assert submitted.of == side_car.digest
    for name, scores in (("validation", side_car.validation), ("test", side_car.score)):
        counts = submitted.counts(name)
        assert counts is not None
        assert scores is not None
        assert {each: metrics[each](counts).score for each in scores.metrics} == scores.metrics
    # Recorded scores keep their files when another one takes the name: also the counts.
    assert run(["submission", "record", "submissions/tiny-001.csv", "--public", "0.5"]) == 0
    other = ["submit", "tiny-001", "--post", "min_area:pixels=2000"]
    assert run([*other, "-o", "submissions/tiny-001.csv", "--overwrite"]) == 0
    aside = project.submissions / f"tiny-001.{side_car.digest[:8]}.counts"
    assert read_counts(aside) == submitted
    again = read_side_car(project.submissions / "tiny-001.json")
    assert (
        read_counts(project.submissions / "tiny-001.counts").of == again.digest != side_car.digest
    )


def test_runs_are_compared_on_the_same_images(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (project.root / "recipes" / "tiny.toml").read_text()
    (project.root / "recipes" / "fast.toml").write_text(text.replace("lr = 0.1", "lr = 0.3"))
    (project.root / "recipes" / "same.toml").write_text(text)
    command = ["recipe", "compare", "tiny", "fast", "same", "--seeds", "1,2"]
    tiny, fast, same = as_json(capsys, *command)["rows"]
    assert tiny["over_first"] is None
    gain = [
        one["test"] - other["test"]
        for one, other in zip(fast["outcomes"], tiny["outcomes"], strict=True)
    ]
    assert fast["over_first"]["score"] == pytest.approx(sum(gain) / 2)
    assert fast["over_first"]["interval"]["low"] < fast["over_first"]["score"]
    assert same["over_first"]["score"] == 0
    assert run(command) == 0
    assert "95 % interval over the images holds 0" in capsys.readouterr().err
    # Without the counts nothing is claimed.
    (project.runs / "fast-001" / "best.counts").unlink()
    (project.submissions / "fast-001.counts").unlink()
    assert as_json(capsys, *command)["rows"][1]["over_first"] is None
