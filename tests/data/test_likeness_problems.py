from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np

from tests.data.test_perceptual_hash import scene
from tests.workspaces import workspace_in
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
