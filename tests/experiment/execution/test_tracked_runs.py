"""What trackers hear of whole runs, through the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.real_processes import HANG, Processes
from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.train import tracking

PLUGIN = '''
import atexit
import json
import os
import threading
from pathlib import Path

from toolkit import Component, hookimpl
from toolkit.plugin.component import Package


class Diary:
    """Writes a line for all that it hears."""

    def __init__(self, path):
        self.path = path

    def write(self, what, **values):
        with self.path.open("a") as file:
            file.write(json.dumps({"what": what, **values}, default=str) + "\\n")

    def run_started(self, run):
        self.write("started", flat=run.flat_recipe, **vars(run))

    def log_step(self, step, figures):
        self.write("step", step=step, figures=figures)

    def log(self, epoch, figures):
        self.write("epoch", epoch=epoch, figures=figures)

    def log_scores(self, epoch, metrics, class_iou):
        self.write("scores", epoch=epoch, metrics=metrics, classes=class_iou)

    def log_images(self, images):
        pixels = [(i.photo.shape, i.panel.shape, i.truth.shape, str(i.photo.dtype)) for i in images]
        scores = [image.score for image in images]
        self.write("images", names=[i.name for i in images], scores=scores, pixels=pixels)

    def run_ended(self, end):
        self.write("ended", status=end.status, scores=dict(end.scores), error=end.error)

    def close(self):
        self.write("closed")


class Stuck:
    """Hangs in its first epoch, and again when Python ends."""

    def __init__(self):
        threading.Thread(target=threading.Event().wait).start()
        atexit.register(threading.Event().wait)

    def log(self, epoch, figures):
        threading.Event().wait()

    def close(self):
        pass


@hookimpl
def trash_trackers():
    return [
        Component("diary", lambda context, run_dir: Diary(run_dir / "diary.jsonl"), "a diary"),
        Component("stuck", lambda context, run_dir: Stuck(), "hangs"),
        Component("far", lambda context, run_dir: None, "far", package=Package("far_away", "far")),
    ]
'''
DIARY = ("--set", 'trackers=[{name="diary"}]')


@pytest.fixture
def tracked(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in ("AT_THE_START", "AT_THE_END", "WHEN_CUT"):
        monkeypatch.setattr(tracking, name, HANG)
    (project.plugins / "diary.py").write_text(PLUGIN)
    return project


def heard(project: Project, name: str = "tiny-001") -> list[dict[str, Any]]:
    lines = (project.runs / name / "diary.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def of(told: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [each for each in told if each["what"] == what]


def manifest_of(project: Project, name: str = "tiny-001") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.runs / name / "manifest.json").read_text())
    return content


def test_a_tracker_hears_of_a_run_from_its_recipe_to_its_scores(tracked: Project) -> None:
    assert run(["recipe", "run", "tiny", *DIARY]) == 0
    told, manifest = heard(tracked), manifest_of(tracked)
    assert [each["what"] for each in told] == [
        *["started", *["step"] * 3, "epoch", "scores", *["step"] * 3, "epoch", "scores"],
        *[*["step"] * 3, "epoch", "scores", "images", "ended", "closed"],
    ]
    started = told[0]
    assert started["name"] == "tiny-001"
    assert manifest["record"].endswith(f"/{started['id']}")
    assert (started["author"], started["title"]) == ("Ann Lee", "A tiny run")
    assert (started["group"], started["finished_epochs"]) == ("tiny", 0)
    assert started["project"] == tracked.root.name
    resolved = tomllib.loads((tracked.runs / "tiny-001" / "recipe.toml").read_text())
    assert started["recipe"]["optimizer"] == resolved["optimizer"]  # defaults of components, too
    assert started["flat"]["postprocess.0.name"] == "fragile"
    assert started["flat"]["data.image_size"] == [32, 32]
    assert "data.folds" not in started["flat"]

    records = (tracked.runs / "tiny-001" / "metrics.jsonl").read_text().splitlines()
    epochs = [json.loads(line) for line in records]
    assert [each["epoch"] for each in of(told, "epoch")] == [1, 2, 3]
    for each, record in zip(of(told, "epoch"), epochs, strict=True):
        assert each["figures"]["val_loss"] == record["val_loss"]
    for each, record in zip(of(told, "scores"), epochs, strict=True):
        by_name = dict(zip(manifest["classes"], record["val_iou"], strict=True))
        assert each["classes"] == {k: v for k, v in by_name.items() if v is not None}

    (ended,) = of(told, "ended")
    assert (ended["status"], ended["error"]) == ("finished", "")
    result = manifest["result"]
    assert ended["scores"]["validation/miou"] == result["scores"]["val_miou"]
    assert ended["scores"]["test/miou"] == result["submission"]["score"]["mean_iou"]
    assert ended["scores"]["best_epoch"] == result["best_epoch"]


def test_pictures_are_those_of_the_worst_validation_images(tracked: Project) -> None:
    assert run(["recipe", "run", "tiny", *DIARY]) == 0
    (images,) = of(heard(tracked), "images")
    validation = json.loads((tracked.root / images_of_validation(tracked)).read_text())
    assert set(images["names"]) <= {each["file_name"] for each in validation["images"]}
    assert len(images["names"]) == 6
    assert images["scores"] == sorted(images["scores"])
    for photo, panel, truth, kind in images["pixels"]:
        assert photo == [64, 64, 3]
        assert panel == [64, 192, 3]
        assert truth == [64, 64]
        assert kind == "uint8"


def images_of_validation(project: Project) -> Path:
    recipe = tomllib.loads((project.root / "recipes" / "tiny.toml").read_text())
    return Path(recipe["data"]["root"]) / "val.json"


def test_a_run_that_goes_on_is_the_same_one_to_a_tracker(
    tracked: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AFTER", "1")
    assert run(["recipe", "run", "tiny", *DIARY]) == 130
    (ended,) = of(heard(tracked), "ended")
    assert (ended["status"], ended["scores"]) == ("interrupted", {})
    monkeypatch.delenv("STOP_AFTER")
    assert run(["recipe", "run", "tiny", *DIARY, "--resume"]) == 0
    told = heard(tracked)
    first, second = of(told, "started")
    assert first["id"] == second["id"]
    assert (first["finished_epochs"], second["finished_epochs"]) == (0, 1)
    assert [each["epoch"] for each in of(told, "epoch")] == [1, 2, 3]
    assert [each["step"] for each in of(told, "step")] == list(range(1, 10))


def test_why_a_run_failed_is_told(tracked: Project) -> None:
    (tracked.root / "fail").touch()
    assert run(["recipe", "run", "tiny", *DIARY]) == 1
    (ended,) = of(heard(tracked), "ended")
    assert (ended["status"], ended["error"]) == ("failed", "postprocessing broke")


def test_a_tracker_is_told_by_the_main_one_of_two_devices(
    tracked: Project, processes: Processes
) -> None:
    command = ["-m", "toolkit", "recipe", "run", "tiny", "--devices", "2", *DIARY]
    process = processes.start(*command, cwd=tracked.root)
    _, err = processes.finish(process)
    assert process.returncode == 0, err
    told = heard(tracked)
    assert [each["epoch"] for each in of(told, "epoch")] == [1, 2, 3]
    assert len(of(told, "images")) == 1
    assert of(told, "ended")[0]["scores"]["test/miou"] is not None
    assert told[-1]["what"] == "closed"


IMPATIENT = """
import sys
import toolkit.lifetime
from toolkit.cli.main import main
from toolkit.train import tracking
tracking.AT_THE_END = tracking._UNTOLD = toolkit.lifetime._EXIT_SECONDS = 3.0
sys.argv = ["trash", *sys.argv[1:]]
main()
"""


def test_one_that_hangs_keeps_neither_the_run_nor_the_process(
    tracked: Project, processes: Processes
) -> None:
    """Its thread hangs, one that Python would wait for hangs, and so does its exit handler."""
    trackers = 'trackers=[{name="stuck"}, {name="diary"}]'
    command = ["-c", IMPATIENT, "recipe", "run", "tiny", "--set", trackers, "--json"]
    process = processes.start(*command, cwd=tracked.root)
    out, err = processes.finish(process)
    assert process.returncode == 0, err
    assert json.loads(out)["epochs"] == 3
    assert "tracker stuck has not ended and is left behind (2 messages were not taken)" in err
    assert "trackers held up the end of this process" in err
    assert "Traceback" not in err
    assert manifest_of(tracked)["status"] == "finished"
    assert len(of(heard(tracked), "epoch")) == 3


def test_a_missing_package_is_told_before_anything_is_trained(
    tracked: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = tracked.root / "recipes" / "far.toml"
    recipe.write_text('extends = "tiny.toml"\n\n[[trackers]]\nname = "far"\n')
    assert run(["recipe", "run", "far"]) == 2
    err = capsys.readouterr().err
    assert "recipes/far.toml:4  trackers.0.name" in err
    assert "tracker far needs the package far_away, which is not installed" in err
    assert 'pip install "far"' in err
    assert not tracked.runs.exists()
    assert run(["recipe", "check", "far"]) == 0  # the recipe is right, this machine lacks something
    assert "recipes/far.toml:4  tracker far needs the package" in capsys.readouterr().err
    assert run(["recipe", "run", "far", "--limit", "2"]) == 0  # which leaves trackers out


def test_a_misspelt_tracker_is_told_before_anything_is_trained(
    tracked: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--set", 'trackers=[{name="tensorbord"}]']) == 2
    err = capsys.readouterr().err
    assert "no tracker is called tensorbord" in err
    assert "Did you mean tensorboard?" in err
    assert not tracked.runs.exists()
