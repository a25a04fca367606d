from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.experiment.interrupted import run_command
from toolkit.plugin.discovery import load_registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.workspace import Workspace

PLUGIN = '''
import os
import time
from pathlib import Path

from toolkit import Component, TrashError, hookimpl

HERE = Path(__file__).parents[1]
finished = 0 if os.environ.get("RANK", "0") == "0" else None


def tiny(context):
    """A single convolution.

    `BREAK_RANK` and `KILL_RANK` name the process in which it breaks; the first one hangs in the
    epoch after `HANG_AFTER`.
    """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(3, context.n_classes, 1)

        def forward(self, images):
            time.sleep(float(os.environ.get("NET_SLEEP", "0")))
            if self.training and os.environ.get("HANG_AFTER") == str(finished):
                (HERE / "hangs").touch()
                time.sleep(1e6)
            if self.training and os.environ.get("BREAK_RANK") == os.environ.get("RANK", "none"):
                raise TrashError("the network broke", "Mend it.")
            if self.training and os.environ.get("KILL_RANK") == os.environ.get("RANK", "none"):
                os.kill(os.getpid(), 9)
            return self.layer(images)

    return Net()


def fragile(context):
    """Fails as long as there is a file called `fail`."""

    def step(probabilities, image):
        if (HERE / "fail").exists():
            raise TrashError("postprocessing broke")
        return probabilities

    return step


def note(text):
    with (HERE / "hooks.log").open("a") as file:
        file.write(text + "\\n")


@hookimpl
def trash_models():
    return [Component("tiny", tiny, "A single convolution.")]


@hookimpl
def trash_postprocessors():
    return [Component("fragile", fragile, "Fails on demand.")]


@hookimpl
def trash_run_started(run_dir, recipe):
    note(f"started {run_dir.name} {recipe['train']['epochs']}")


@hookimpl
def trash_epoch_finished(run_dir, epoch, figures):
    global finished
    finished = epoch
    note(f"epoch {epoch} {'val_miou' in figures}")
    if os.environ.get("STOP_AFTER") == str(epoch):
        raise KeyboardInterrupt


@hookimpl
def trash_submission_written(path, side_car):
    note(f"written {path.name} {side_car['n_rows']}")


@hookimpl
def trash_run_finished(run_dir, result):
    note(f"finished {run_dir.name} {result['epochs']}")
'''

RECIPE = """
title = "A tiny run"
seed = 3

[data]
root = "{root}"
val = "val.json"
test = "test.json"
truth = "test_truth.json"
sample_submission = "sample_submission.csv"
image_size = [32, 32]
workers = 0

[model]
name = "tiny"

[loss]
name = "ce"

[optimizer]
name = "sgd"
lr = 0.1

[train]
epochs = 3
batch_size = 4
device = "cpu"

[[postprocess]]
name = "fragile"

[submission]
name = "mask_string"
size = [16, 16]
"""


def workspace_of(project: Project) -> Workspace:
    """Return what a command in a project works with, its plugins loaded anew; nothing is shown."""
    return Workspace(project, load_registry(project), SilentProgress())


@pytest.fixture
def project(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project, the working folder, with the recipe `tiny` and a plugin that logs its hooks."""
    for folder in ("recipes", "plugins"):
        (tmp_path / folder).mkdir()
    (tmp_path / "plugins" / "lab.py").write_text(PLUGIN)
    (tmp_path / "recipes" / "tiny.toml").write_text(RECIPE.replace("{root}", str(demo_root)))
    monkeypatch.chdir(tmp_path)
    for name in ("TRASH_CACHE", "TRASH_RUN", "LOCAL_RANK", "RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    yield Project(tmp_path)
    load_registry(Project(tmp_path / "nowhere"))


N_TRAIN = 6
BANK = """
extends = "tiny.toml"
[objects]
min_area = 20
"""
AGAIN = """
extends = "tiny.toml"
seed = 4
"""
STAGED = """
extends = "tiny.toml"
[pseudo]
[train]
epochs = 2
"""
ROUNDS = """
extends = "staged.toml"
[pseudo]
rounds = 2
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with data and a finished run; to be copied."""
    project = tmp_path_factory.mktemp("finished") / "project"
    for folder in ("recipes", "plugins"):
        (project / folder).mkdir(parents=True)
    (project / "plugins" / "lab.py").write_text(PLUGIN)
    (project / "recipes" / "tiny.toml").write_text(RECIPE.replace("{root}", "data/demo"))
    (project / "recipes" / "again.toml").write_text(AGAIN)
    (project / "recipes" / "staged.toml").write_text(STAGED)
    (project / "recipes" / "rounds.toml").write_text(ROUNDS)
    (project / "recipes" / "bank.toml").write_text(BANK)
    demo = ("--train", str(N_TRAIN), "--val", "3", "--test", "3", "--size", "64")
    for command in (["data", "demo", "data/demo", *demo], ["recipe", "run", "tiny"]):
        ending = run_command(project, command)
        assert ending.code == 0, ending.told
    shutil.copy(project / "submissions" / "tiny-001.csv", project / "submissions" / "copy.csv")
    return project
