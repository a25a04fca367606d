"""boundary_iou decides, from the training to the search, through the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit import ComponentSpec, Context
from toolkit.cli.main import run
from toolkit.metrics.counts_file import read_counts
from toolkit.metrics.scores import Metrics, build_metrics
from toolkit.plugin.discovery import builtin_registry
from toolkit.project import Project

BOUNDARY = ["--set", "metric.name=boundary_iou"]
FAST = ["--folds", "2", "--repeats", "1", "--rounds", "2"]


def as_json(capsys: pytest.CaptureFixture[str], *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def metrics_of(file: Path) -> Metrics:
    classes = read_counts(file).class_names
    spec = ComponentSpec(name="boundary_iou")
    return build_metrics(builtin_registry(), spec, Context(classes))


def test_it_goes_through_all_that_is_scored(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = project.root / "recipes"
    (recipes / "plain.toml").write_text((recipes / "tiny.toml").read_text())
    plain = as_json(capsys, "recipe", "run", "plain")
    result = as_json(capsys, "recipe", "run", "tiny", *BOUNDARY)
    # Only what decides is another one: the training and the scores by all pixels are the same.
    files = [project.runs / name / "metrics.jsonl" for name in ("plain-001", "tiny-001")]
    epochs = [[json.loads(line) for line in file.read_text().splitlines()] for file in files]
    for one, other in zip(*epochs, strict=True):
        assert (one["val_miou"], one["val_iou"]) == (other["val_miou"], other["val_iou"])
        assert other["val_metrics"] == {"boundary_iou": other["val_score"], **one["val_metrics"]}
    assert result["scores"]["val_score"] == max(each["val_score"] for each in epochs[1])
    assert "boundary_iou" not in plain["scores"]["val_metrics"]

    # The counts beside the checkpoint and the submission give its scores.
    for file, name, score in (
        (project.runs / "tiny-001" / "best.counts", "validation", result["scores"]["val_score"]),
        (
            project.submissions / "tiny-001.counts",
            "test",
            result["submission"]["score"]["metrics"]["boundary_iou"],
        ),
    ):
        counts = read_counts(file).counts(name)
        assert counts is not None
        assert metrics_of(file).metric(counts).score == score

    # The file alone: by its side-car, by name for one of another metric, and by labels of a file.
    own = as_json(capsys, "submission", "score", "submissions/tiny-001.csv", "--truth", "tiny")
    assert own["metrics"] == result["submission"]["score"]["metrics"]
    command = ["submission", "score", "submissions/plain-001.csv", "--truth", "tiny"]
    asked = as_json(capsys, *command, "--metric", "boundary_iou")
    same_weights = result["best_epoch"] == plain["best_epoch"]
    assert (asked["metrics"] == own["metrics"]) == same_weights
    itself = [
        "submission",
        "score",
        "submissions/plain-001.csv",
        "--truth",
        "submissions/plain-001.csv",
    ]
    assert as_json(capsys, *itself, "--metric", "boundary_iou")["metrics"]["boundary_iou"] == 1

    averaged = as_json(capsys, "ensemble", "average", "tiny-001", "tiny-001", "-o", "mean.pt")
    assert averaged["scores"]["metric"] == "boundary_iou"
    assert averaged["scores"]["metrics"]["boundary_iou"] is not None


def test_runs_are_compared_by_it_on_the_same_images(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (project.root / "recipes" / "tiny.toml").read_text()
    (project.root / "recipes" / "fast.toml").write_text(text.replace("lr = 0.1", "lr = 0.3"))
    command = ["recipe", "compare", "tiny", "fast", "--seeds", "1", *BOUNDARY]
    found = as_json(capsys, *command)
    tiny, fast = found["rows"]
    gain = fast["outcomes"][0]["test"] - tiny["outcomes"][0]["test"]
    assert found["metric"] == "boundary_iou"
    assert fast["over_first"]["score"] == pytest.approx(gain)
    # By the mIoU of the same runs too: their counts know all pixels.
    _, by_miou = as_json(capsys, *command, "--metric", "miou")["rows"]
    assert by_miou["over_first"]["interval"] is not None
    # Runs that were decided by another metric were not counted near boundaries.
    assert run([*command[:-2], "--metric", "boundary_iou"]) == 2
    assert "is scored by boundary_iou" in capsys.readouterr().err


def test_a_search_chooses_by_it(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    names = []
    for seed in (1, 2):
        result = as_json(capsys, "recipe", "run", "tiny", "--set", f"seed={seed}")
        names.append(result["run"])
    search = ["ensemble", "search", *names, *FAST, "--try", "min_area:pixels=30"]
    found = as_json(capsys, *search, "--metric", "boundary_iou")
    assert found["metric"] == "boundary_iou"
    scores = {way["name"]: way["score"] for way in found["ways"]}
    assert all(0 < score < 1 for score in scores.values())
    by_miou = as_json(capsys, *search)
    assert scores != {way["name"]: way["score"] for way in by_miou["ways"]}


def test_folds_are_scored_together(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = project.root / "recipes" / "tiny.toml"
    text = recipe.read_text()
    recipe.write_text(text + '\n[data.folds]\nfile = "folds.json"\n')
    root = next(line for line in text.splitlines() if line.startswith("root")).split('"')[1]
    assert run(["data", "split", f"{root}/train.json", "--folds", "2", "-o", "folds.json"]) == 0
    found = as_json(capsys, "recipe", "run", "tiny", "--folds", *BOUNDARY)
    file = project.runs / "tiny.folds.counts"
    counts = read_counts(file).counts("out_of_fold")
    assert counts is not None
    assert counts.shape[1] == 4
    assert found["out_of_fold"]["metrics"]["boundary_iou"] == metrics_of(file).metric(counts).score
    assert np.isfinite(found["out_of_fold"]["intervals"]["boundary_iou"]["error"])


def test_parts_of_photos_have_no_boundaries(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    crops = ["--set", "data.crops.scale=[0.8, 1.2]"]
    assert run(["recipe", "check", "tiny", *crops, *BOUNDARY]) == 2
    errors = capsys.readouterr().err
    assert "boundary_iou looks at boundaries, but with data.crops" in errors
    assert "trash submission score --metric" in errors
