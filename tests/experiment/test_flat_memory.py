"""Memory and open files of a process that works for long."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.experiment.interrupted import fork_context, run_command
from toolkit.cli.main import run


def used() -> tuple[int, int]:
    """Return resident memory of this process, kB, and its open files."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024, len(os.listdir("/proc/self/fd"))


FLAT = """
from toolkit import hookimpl
from tests.experiment.test_flat_memory import used

@hookimpl
def trash_epoch_finished(run_dir, epoch, figures):
    with open("use.txt", "a") as file:
        print(*used(), file=file)
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@needs_proc
def test_memory_and_file_handles_stay_flat_over_200_epochs(finished: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    (project / "plugins" / "use.py").write_text(FLAT)
    ending = run_command(project, ["recipe", "run", "again", "--set", "train.epochs=200"])
    assert ending.code == 0, ending.told
    lines = (project / "use.txt").read_text().splitlines()
    assert len(lines) == 200
    refuse_growth(lines, first=40, slack=4_000)  # a leak of 25 kB an epoch


def predict_often(project: str) -> None:
    os.chdir(project)
    for _ in range(50):
        shutil.rmtree(".trash/stores", ignore_errors=True)
        assert run(["predict", "tiny-001", "--split", "train"]) == 0
        with open("use.txt", "a") as file:
            print(*used(), file=file)


@needs_proc
def test_memory_and_file_handles_stay_flat_over_50_predictions(
    finished: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(finished, project)
    process = fork_context().Process(target=predict_often, args=(str(project),))
    process.start()
    process.join()
    assert process.exitcode == 0
    refuse_growth((project / "use.txt").read_text().splitlines(), first=20, slack=4_000)


def refuse_growth(lines: list[str], *, first: int, slack: int) -> None:
    kilobytes, handles = zip(*(map(int, line.split()) for line in lines), strict=True)
    assert handles[-1] <= handles[first]
    assert kilobytes[-1] - kilobytes[first] < slack, kilobytes[::10]
