"""Runs in real processes: signals and several devices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.real_processes import Processes
from toolkit.cli.main import run
from toolkit.project import Project


@dataclass(frozen=True)
class Runs:
    """Starts `trash recipe run` in a project, and watches it."""

    project: Project
    processes: Processes

    def start(
        self, *arguments: str, name: str = "tiny", **environment: str
    ) -> subprocess.Popen[str]:
        command = ["-m", "toolkit", "recipe", "run", name, *arguments]
        return self.processes.start(*command, cwd=self.project.root, **environment)

    def finish(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        return self.processes.finish(process)

    def wait_for(self, process: subprocess.Popen[str], path: Path) -> None:
        self.processes.wait_until(path.exists, process)


@pytest.fixture
def runs(project: Project, processes: Processes) -> Runs:
    return Runs(project, processes)


def _manifest(project: Project, name: str = "tiny-001") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.runs / name / "manifest.json").read_text())
    return content


@pytest.mark.parametrize("signal_", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_that_can_be_resumed(
    runs: Runs, project: Project, signal_: signal.Signals
) -> None:
    process = runs.start(HANG_AFTER="1")
    runs.wait_for(process, project.root / "hangs")
    process.send_signal(signal_)
    out, err = runs.finish(process)
    assert process.returncode == 130, err
    assert out == ""
    assert "to continue: trash recipe run recipes/tiny.toml --resume" in err
    assert "Traceback" not in err
    assert _manifest(project)["status"] == "interrupted"
    assert not list((project.runs / "tiny-001").glob(".*"))
    assert run(["recipe", "run", "tiny", "--resume"]) == 0
    records = (project.runs / "tiny-001" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in records] == [1, 2, 3]


@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_failure_of_one_of_two_devices_is_told_once(
    runs: Runs, project: Project, rank: str
) -> None:
    process = runs.start("--devices", "2", BREAK_RANK=rank)
    _, err = runs.finish(process)
    assert process.returncode == 1, err
    assert err.count("the network broke") == 1
    assert "Traceback" not in err
    manifest = _manifest(project)
    assert manifest["status"] == "failed"
    assert manifest["error"] == "the network broke"


def test_a_killed_device_is_told(runs: Runs, project: Project) -> None:
    process = runs.start("--devices", "2", KILL_RANK="1")
    _, err = runs.finish(process)
    assert process.returncode == 1, err
    assert "these were killed: 1 (signal 9)" in err
    assert "Traceback" not in err
    assert _manifest(project)["status"] == "failed"
    assert "1 (signal 9)" in _manifest(project)["error"]


def test_ctrl_c_ends_all_devices(runs: Runs, project: Project) -> None:
    process = runs.start("--devices", "2", HANG_AFTER="1")
    runs.wait_for(process, project.root / "hangs")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, err = runs.finish(process)
    assert process.returncode == 130, err
    assert err.count("to continue: trash recipe run") == 1
    assert "Traceback" not in err
    assert _manifest(project)["status"] == "interrupted"


@pytest.mark.parametrize("how", ["launcher killed", "worker terminated"])
def test_no_device_outlives_the_others(runs: Runs, project: Project, how: str) -> None:
    """Not even while it waits, outside Python, for one that never answers."""
    process = runs.start("--devices", "2", HANG_AFTER="0")
    runs.wait_for(process, project.root / "hangs")
    assert len(runs.processes.alive()) == 3
    if how == "launcher killed":
        process.kill()
        runs.processes.wait_until_gone()
        assert process.wait() == -signal.SIGKILL
        return
    os.kill(runs.processes.worker(1), signal.SIGTERM)
    _, err = runs.finish(process)
    assert process.returncode == 1
    assert "these were killed: " in err
    assert "1 (signal 15)" in err  # the other one, which torch then ends, may be named too


def test_a_process_sees_the_end_of_its_launcher_without_the_help_of_linux(
    processes: Processes, tmp_path: Path
) -> None:
    child = (
        "import sys, time; from pathlib import Path;"
        "from toolkit.experiment.execution import launch;"
        "launch._killed_with_parent = lambda: False; launch.end_with_launcher();"
        "Path('ready').touch(); time.sleep(1e6)"
    )
    parent = (
        "import os, subprocess, sys; os.environ['TRASH_LAUNCHER'] = str(os.getpid());"
        f"subprocess.run([sys.executable, '-c', {child!r}])"
    )
    process = processes.start("-c", parent, cwd=tmp_path)
    processes.wait_until((tmp_path / "ready").exists, process)
    process.kill()
    processes.wait_until_gone()


STAGED = """
extends = "tiny.toml"

[pseudo]
"""


def test_two_devices_train_every_stage(runs: Runs, project: Project) -> None:
    (project.recipes / "staged.toml").write_text(STAGED)
    short = ["--set", "train.epochs=1"]
    process = runs.start("--devices", "2", *short, "--json", name="staged")
    out, err = runs.finish(process)
    assert process.returncode == 0, err
    result = json.loads(out)  # printed once, of the last stage
    assert result["run"].endswith("staged-001")
    assert result["submission"]["rows"] == 5
    assert run(["submission", "check", result["submission"]["path"]]) == 0
    assert {path.name for path in project.runs.iterdir()} == {
        "staged.round-0-001",
        "staged-001",
    }
    assert all(
        _manifest(project, path.name)["status"] == "finished" for path in project.runs.iterdir()
    )
    manifest = _manifest(project, "staged-001")
    assert manifest["result"] == result
    assert manifest["parents"][0]["checkpoints"][0]["run"] == "staged.round-0-001"
    assert (project.root / "hooks.log").read_text().splitlines() == [
        "started staged.round-0-001 1",
        "epoch 1 True",
        "written staged.round-0-001.csv 5",
        "finished staged.round-0-001 1",
        "started staged-001 1",
        "epoch 1 True",
        "written staged-001.csv 5",
        "finished staged-001 1",
    ]
