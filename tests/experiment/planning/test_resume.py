from __future__ import annotations

import json
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project

RUN = ["recipe", "run", "tiny"]


def _manifest(project: Project, name: str = "tiny-001") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.runs / name / "manifest.json").read_text())
    return content


def _epochs(project: Project, name: str = "tiny-001") -> list[int]:
    lines = (project.runs / name / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["epoch"] for line in lines]


def test_a_refused_resume_changes_nothing(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    before = _manifest(project)
    assert run([*RUN, "--set", "train.epochs=1", "--set", "optimizer.lr=0.5", "--resume"]) == 2
    assert "optimizer.lr: was 0.1, is 0.5" in capsys.readouterr().err
    assert _manifest(project) == before


def test_resume_takes_the_newest_run_with_a_finished_epoch(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run([*RUN, "--resume"]) == 2
    assert "nothing to resume" in capsys.readouterr().err
    monkeypatch.setenv("STOP_AFTER", "2")
    assert run(RUN) == 130
    monkeypatch.delenv("STOP_AFTER")
    monkeypatch.setenv("BREAK_RANK", "none")  # every process: it fails before an epoch is finished
    assert run(RUN) == 1
    assert _manifest(project, "tiny-002")["status"] == "failed"
    assert "--resume" not in capsys.readouterr().err.partition("tiny-002")[2]
    monkeypatch.delenv("BREAK_RANK")
    assert run([*RUN, "--resume"]) == 0
    assert _epochs(project) == [1, 2, 3]


def test_resume_takes_the_newest_run_that_fits_what_is_asked_for(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AFTER", "1")
    assert run(RUN) == 130
    assert run([*RUN, "--set", "seed=5"]) == 130
    monkeypatch.delenv("STOP_AFTER")
    monkeypatch.setenv("BREAK_RANK", "none")
    assert run(RUN) == 1
    monkeypatch.delenv("BREAK_RANK")
    capsys.readouterr()
    assert run([*RUN, "--resume", "--set", "optimizer.lr=0.5"]) == 2
    err = capsys.readouterr().err
    assert "tiny-002 cannot be resumed" in err
    assert "seed: was 5, is 3" in err
    # What the first run told to do.
    assert run([*RUN, "--resume", "--set", "train.epochs=2"]) == 0
    assert _epochs(project, "tiny-001") == [1, 2]
    assert (
        "tiny-001 is resumed; skipped: tiny-002 (seed: was 5, is 3), "
        "tiny-003 (no epoch was finished)" in capsys.readouterr().err
    )
    # A finished run goes on, too, but says that it was finished.
    capsys.readouterr()
    assert run([*RUN, "--resume", "--plan"]) == 0
    assert "train tiny finished; to be trained longer tiny-001" in _in_a_line(capsys)
    assert run([*RUN, "--resume"]) == 0
    assert "tiny-001, which was finished, is resumed; skipped" in capsys.readouterr().err
    assert _epochs(project, "tiny-001") == [1, 2, 3]
    assert run([*RUN, "--resume", "--set", "seed=5"]) == 0
    assert _epochs(project, "tiny-002") == [1, 2, 3]
    assert run([*RUN, "--plan"]) == 0
    assert "to do (finished before: tiny-001)" in _in_a_line(capsys)
    assert run([*RUN, "--resume", "--plan"]) == 0
    assert "train tiny finished; to be submitted again tiny-001" in _in_a_line(capsys)


def _in_a_line(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())
