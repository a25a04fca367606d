from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.test_perceptual_hash import scene
from tests.workspaces import workspace_in
from toolkit.cli.main import run
from toolkit.data.coco import read_coco
from toolkit.data.contest import open_contest
from toolkit.data.folds import Folds, write_folds
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.schema import Data


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def write(path: Path, photo: np.ndarray) -> None:
    cv2.imwrite(str(path), cv2.resize(photo, (32, 24), interpolation=cv2.INTER_AREA))


@pytest.fixture
def project(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A recipe whose validation and test photos hold mirror images of training photos."""
    for seed, train, other in ((1, "01", "val/02"), (2, "03", "test/00"), (3, "05", "test/01")):
        write(data_root / "train" / f"{train}.png", scene(seed))
        write(data_root / f"{other}.png", scene(seed)[:, ::-1])
    shutil.copy(data_root / "train" / "07.png", data_root / "test" / "02.png")
    project = Project(data_root.parent)
    project.recipes.mkdir(exist_ok=True)
    (project.recipes / "mine.toml").write_text(
        f'[data]\nroot = "{data_root}"\nval = "val.json"\ntest = "test.json"\n'
        '[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
    monkeypatch.chdir(project.root)
    return project


def said_of(data: Data, project: Project) -> list[str]:
    lines = Lines()
    open_contest(workspace_in(project, lines), data)
    return lines.said


def test_known_near_duplicates_are_said_when_a_contest_is_opened(
    project: Project, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Data(root=str(data_root), val="val.json", test="test.json")
    (equal,) = said_of(data, project)  # nothing was hashed yet
    assert "same photo" in equal
    assert run(["data", "check", "mine"]) == 2
    shown = capsys.readouterr().out
    assert "val/02.png: looks like train/01.png of train.json" in shown
    assert "test/00.png: looks like train/03.png of train.json" in shown
    assert said_of(data, project) == [
        equal,
        "warning: 1 image of val looks like one of train: val/02.png (like train/01.png); "
        "a score on them may be too high. trash data check RECIPE lists them",
        "warning: 2 images of test look like images of train: test/00.png (like train/03.png), "
        "test/01.png (like train/05.png); a score on them may be too high. "
        "trash data check RECIPE lists them",
    ]


def test_near_duplicates_in_two_folds_are_said_with_the_way_out(
    project: Project, data_root: Path
) -> None:
    write(data_root / "train" / "04.png", scene(1)[:, ::-1])
    run(["data", "check", str(data_root / "train.json")])
    coco = read_coco(data_root / "train.json")
    folds = data_root / "folds.json"
    write_folds(folds, Folds(((0, 1, 2, 3), (4, 5, 6, 7, 8))), coco, 0)
    data = Data(root=str(data_root), folds={"file": str(folds), "index": 1})
    (line,) = said_of(data, project)
    assert "1 image of val looks like one of train: train/04.png (like train/01.png)" in line
    assert line.endswith("trash data split --groups near-duplicates keeps them together")
    command = ["data", "split", str(data_root / "train.json"), "--folds", "2", "--force"]
    assert run([*command, "-o", str(folds), "--groups", "near-duplicates"]) == 0
    assert said_of(data, project) == []
