from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.test_perceptual_hash import scene
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.check import check_contest
from toolkit.data.problems import DataProblem
from toolkit.data.sources import AnnotationFile
from toolkit.project import Project
from toolkit.workspace import Workspace


def write(path: Path, photo: np.ndarray, size: tuple[int, int] = (32, 24)) -> None:
    cv2.imwrite(str(path), cv2.resize(photo, size, interpolation=cv2.INTER_AREA))


def problems_of(workspace: Workspace, data_root: Path, *roles: str) -> list[list[DataProblem]]:
    sources = [AnnotationFile(role, data_root / f"{role}.json", data_root) for role in roles]
    reports = check_contest(workspace, sources)
    assert not any(report.has_errors for report in reports)
    return [
        [each for each in report.problems if each.kind.startswith("near-duplicate")]
        for report in reports
    ]


def test_photos_that_look_alike_are_told_within_and_between_splits(
    data_root: Path, tmp_path: Path
) -> None:
    photo = scene(1)
    write(data_root / "train" / "01.png", photo)
    write(data_root / "train" / "04.png", cv2.convertScaleAbs(photo, alpha=0.95))
    write(data_root / "train" / "06.png", cv2.convertScaleAbs(photo, alpha=1.05))
    write(data_root / "val" / "02.png", photo[:, ::-1])
    workspace = workspace_in(Project(tmp_path / "project"))
    train, val, test = problems_of(workspace, data_root, "train", "val", "test")
    assert [(each.kind, each.where, each.error) for each in (*train, *val)] == [
        ("near-duplicates", "train/04.png", False),
        ("near-duplicates", "train/06.png", False),
        ("near-duplicate in another split", "val/02.png", False),
    ]
    assert train[0].detail.startswith("looks like train/01.png (")
    assert train[0].detail.endswith(" of 255 bits differ)")
    assert train[1].detail.endswith(" of 255 bits differ) and 1 more")
    assert val[0].detail.startswith("looks like train/01.png of train.json (")
    assert val[0].detail.endswith("of 255 bits differ, mirrored) and 2 more")
    assert test == []
    assert (workspace.project.cache / "hashes").is_dir()
    assert problems_of(workspace, data_root, "train", "val", "test") == [train, val, []]
    assert problems_of(workspace_in(), data_root, "train", "val", "test") == [train, val, []]
    assert problems_of(workspace, data_root, "val") == [[]]


def test_copies_are_told_once_and_the_truth_is_about_the_test_photos(data_root: Path) -> None:
    write(data_root / "train" / "01.png", scene(1))
    shutil.copy(data_root / "train" / "01.png", data_root / "train" / "02.png")
    shutil.copy(data_root / "test.json", data_root / "truth.json")
    assert problems_of(workspace_in(), data_root, "train", "test", "truth") == [[], [], []]


FOLDS = (("train/01.png", "train/03.png", "train/05.png"), ("train/02.png", "train/04.png"))


def recipe_with_folds(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, folds: Sequence[Sequence[str]]
) -> Path:
    """Write a recipe whose split file has these folds; the others are in the last."""
    project = data_root / "project"
    (project / "recipes").mkdir(parents=True)
    monkeypatch.chdir(project)
    text = '[data]\nroot = ".."\nfolds = {file = "recipes/mine.json"}\n'
    (project / "recipes" / "mine.toml").write_text(
        f'{text}[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
    split = project / "recipes" / "mine.json"
    assert run(["data", "split", "mine", "--folds", "2", "-o", str(split)]) == 0
    content = json.loads(split.read_text())
    everything = {name for names in content["folds"] for name in names}
    rest = sorted(everything - {name for names in folds for name in names})
    content["folds"] = [[*names] for names in folds]
    content["folds"][-1] += rest
    split.write_text(json.dumps(content))
    return split


def test_photos_that_look_alike_in_two_folds_are_told_with_the_command_that_mends_it(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = scene(1), scene(2)
    write(data_root / "train" / "01.png", one)
    write(data_root / "train" / "03.png", other)
    write(data_root / "train" / "04.png", cv2.convertScaleAbs(one, alpha=0.95))
    write(data_root / "train" / "05.png", cv2.convertScaleAbs(other, alpha=0.95))
    recipe_with_folds(data_root, monkeypatch, FOLDS)
    capsys.readouterr()
    assert run(["data", "check", "mine", "--json"]) == 0
    problems = json.loads(capsys.readouterr().out)[0]["problems"]
    apart, inside, remedy = problems
    assert (apart["kind"], apart["where"]) == ("near-duplicate in another fold", "train/04.png")
    assert apart["detail"].startswith("of fold 1, looks like train/01.png of fold 0 (")
    assert (inside["kind"], inside["where"]) == ("near-duplicates", "train/05.png")
    assert inside["detail"].startswith("looks like train/03.png (")
    assert (remedy["kind"], remedy["where"]) == ("folds with near-duplicates", "recipes/mine.json")
    assert remedy["detail"].startswith("1 photo looks like one of another fold")
    command = remedy["detail"].partition("trash ")[2].replace("RECIPE", "mine").split()
    assert run(command) == 0
    capsys.readouterr()
    assert run(["data", "check", "mine", "--json"]) == 0
    kinds = [each["kind"] for each in json.loads(capsys.readouterr().out)[0]["problems"]]
    assert kinds == ["near-duplicates", "near-duplicates"]


def test_a_split_file_that_does_not_divide_the_images_is_an_error(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    split = recipe_with_folds(data_root, monkeypatch, FOLDS)
    content = json.loads(split.read_text())
    content["folds"][0].remove("train/01.png")
    split.write_text(json.dumps(content))
    capsys.readouterr()
    assert run(["data", "check", "mine"]) == 2
    told = " ".join(capsys.readouterr().out.split())
    assert "error: unusable folds (1) recipes/mine.json:" in told
    assert "in no fold but in train.json: train/01.png" in told
