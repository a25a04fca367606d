"""One recipe with every fold or several seeds, through the command."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest

from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.contest import open_contest
from toolkit.data.masks import paint_mask
from toolkit.data.resize import Sampling
from toolkit.postprocess.labels import argmax_labels
from toolkit.predict.store import open_store
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.records.record import SeriesRecord, read_record, record_files, record_path


@pytest.fixture
def folded(project: Project) -> Project:
    """The tiny recipe with three folds of its training images."""
    recipe = project.recipes / "tiny.toml"
    text = recipe.read_text().replace('val = "val.json"\n', "")
    recipe.write_text(text + '\n[data.folds]\nfile = "folds.json"\n')
    root = load_recipe(Path("tiny"), project=project).recipe.data.root
    assert run(["data", "split", f"{root}/train.json", "--folds", "3", "-o", "folds.json"]) == 0
    return project


def _summary(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["recipe", "run", "tiny", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_every_fold_is_run_once(folded: Project, capsys: pytest.CaptureFixture[str]) -> None:
    found = _summary(capsys, "--folds")
    assert [each["fold"] for each in found["runs"]] == [0, 1, 2]
    scores = [each["validation"] for each in found["runs"]]
    assert found["validation"]["mean"] == pytest.approx(mean(scores))
    assert found["validation"]["deviation"] == pytest.approx(stdev(scores))
    assert json.loads((folded.runs / "tiny.folds.json").read_text()) == found
    # Held-out images of all folds are those of the training file, each once.
    names = [name for each in found["runs"] for name in open_store(Path(each["store"])).file_names]
    assert len(names) == len(set(names)) == 12
    side_car = json.loads((folded.submissions / "tiny.folds.json").read_text())
    assert len(side_car["members"]) == 3
    assert side_car["validation"] is None
    before = sorted(path.name for path in folded.runs.iterdir())
    assert _summary(capsys, "--folds")["runs"] == found["runs"]
    assert sorted(path.name for path in folded.runs.iterdir()) == before


def test_the_score_out_of_fold_is_one_matrix_over_all_images(
    folded: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _summary(capsys, "--folds")
    recipe = load_recipe(Path("tiny"), project=folded).recipe
    train = open_contest(workspace_in(folded), recipe.data).train.source
    assert train is not None
    records = {record.file_name: record for record in train.images}
    matrix = np.zeros((len(found["classes"]),) * 2, np.int64)
    for each in found["runs"]:
        store = open_store(Path(each["store"]))
        for position, name in enumerate(store.file_names):
            labels = Sampling((16, 16))(argmax_labels(store.read(position)))
            mask = paint_mask(records[name], train.labels, "max-id", 255)
            truth = Sampling((16, 16))(mask)
            np.add.at(matrix, (truth.ravel(), labels.ravel()), 1)
    union = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    there = union > 0
    assert found["out_of_fold"]["mean_iou"] == pytest.approx(
        (matrix.diagonal()[there] / union[there]).mean()
    )


def test_seeds_are_combined(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    found = _summary(capsys, "--seeds", "1,2")
    assert found["submission_warnings"]
    assert run(["recipe", "run", "tiny", "--seeds", "1,2"]) == 0
    told = capsys.readouterr().err
    assert all(f"warning: {warning}" in told for warning in found["submission_warnings"])
    assert [(each["seed"], each["fold"]) for each in found["runs"]] == [(1, None), (2, None)]
    assert (project.submissions / "tiny.seeds.csv").is_file()
    side_car = json.loads((project.submissions / "tiny.seeds.json").read_text())
    assert side_car["validation"]["mean_iou"] == pytest.approx(found["out_of_fold"]["mean_iou"])


def test_scores_of_a_submission_made_in_another_way_are_not_shown(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _summary(capsys, "--seeds", "1")["runs"][0]
    other = _summary(capsys, "--seeds", "1", "--set", "predict.views='hflip'")["runs"][0]
    assert (other["run"], other["validation"]) == (first["run"], first["validation"])
    assert first["test"] is not None
    assert other["test"] is None


def test_a_cut_series_goes_on(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AFTER", "2")
    assert run(["recipe", "run", "tiny", "--seeds", "1,2"]) == 130
    monkeypatch.delenv("STOP_AFTER")
    found = _summary(capsys, "--seeds", "1,2")
    assert sorted(each["run"] for each in found["runs"]) == ["tiny-001", "tiny-002"]


def test_a_teacher_holds_out_the_fold_of_its_student(
    folded: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (folded.recipes / "student.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nteachers = ["tiny"]\n'
    )
    assert run(["recipe", "run", "student", "--set", "data.folds.index=2"]) == 0
    manifest = json.loads((folded.runs / "tiny-001" / "manifest.json").read_text())
    other = json.loads((folded.runs / "student-001" / "manifest.json").read_text())
    assert manifest["data"] == other["data"]


def test_a_teacher_that_has_seen_validation_images_is_refused(
    folded: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    (folded.recipes / "student.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nteachers = ["runs/tiny-001/best.pt"]\n'
    )
    assert run(["recipe", "run", "student", "--set", "data.folds.index=1"]) == 2
    err = capsys.readouterr().err
    assert "was trained on 4 validation images: batch_" in err
    assert run(["recipe", "run", "student"]) == 0


def test_series_go_without_what_they_do_themselves(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--resume", "--smoke", "--plan"):
        assert run(["recipe", "run", "tiny", "--seeds", "1,2", option]) == 2
    assert run(["recipe", "run", "tiny", "--seeds", "1,1"]) == 2
    assert "the same seed is named twice" in capsys.readouterr().err
    assert run(["recipe", "run", "tiny", "--folds"]) == 2
    assert "has no data.folds" in capsys.readouterr().err


def test_a_series_leaves_one_record_that_is_written_again(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _summary(capsys, "--seeds", "1,2")
    path = record_path(project, found["record"])
    record = read_record(path)
    assert isinstance(record, SeriesRecord)
    assert path.parent.name == "ann-lee"
    assert (record.author, record.name, record.recipe) == (
        "Ann Lee",
        "tiny.seeds",
        "recipes/tiny.toml",
    )
    assert record.summary == found | {"submission": "submissions/tiny.seeds.csv"}
    runs = [read_record(record_path(project, each["record"])) for each in record.summary["runs"]]
    assert [(each.kind, each.name) for each in runs if each.kind == "run"] == [
        ("run", "tiny-001"),
        ("run", "tiny-002"),
    ]
    before = set(record_files(project))
    assert _summary(capsys, "--seeds", "1,2")["record"] == found["record"]
    assert set(record_files(project)) == before
    assert _summary(capsys, "--seeds", "1,2,3")["record"] == found["record"]
    capsys.readouterr()
    assert run(["run", "show", "tiny.seeds"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    summary = _summary(capsys, "--seeds", "1,2,3")
    assert f"record {found['record']}" in told
    spread = summary["validation"]
    assert f"validation {spread['mean']:.4f} ± {spread['deviation']:.4f}" in told
    for each in summary["runs"]:
        scores = f"validation {each['validation']:.4f}, test {each['test']:.4f}"
        assert f"{each['run']} seed {each['seed']}, {scores} ({each['record']})" in told
