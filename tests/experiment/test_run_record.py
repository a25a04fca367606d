"""What a run tells the team: a small file that is written when it begins and again when it ends."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project
from toolkit.records.record import RunRecord, read_record, record_files

RUN = ["recipe", "run", "tiny"]


def run_records(project: Project) -> list[RunRecord]:
    found = map(read_record, record_files(project))
    return [each for each in found if isinstance(each, RunRecord)]


def test_a_finished_run_tells_all_of_it(project: Project) -> None:
    (project.recipes / "child.toml").write_text(
        'extends = "tiny.toml"\ntitle = "A child"\n[optimizer]\nlr = 0.05\n'
    )
    assert run(["recipe", "run", "child", "--set", "train.epochs=2", "--set", "seed=7"]) == 0
    (record,) = run_records(project)
    (manifest,) = [json.loads((project.runs / "child-001" / "manifest.json").read_text())]
    assert (record.author, record.name, record.recipe) == (
        "Ann Lee",
        "child-001",
        "recipes/child.toml",
    )
    assert record.title == "A child"
    assert record.options == ("--set", "train.epochs=2", "--set", "seed=7")
    assert record.own == {"optimizer.lr": 0.05}
    assert record.values["train"]["epochs"] == 2
    assert (record.seed, record.status, record.device) == (7, "finished", "cpu")
    assert record.training == manifest["training"]
    assert record.data["train"].digest == manifest["data"]["train"]["digest"]
    assert record.plugins.keys() == {"lab"}
    assert record.ended is not None
    outcome, result = record.outcome, manifest["result"]
    assert outcome is not None
    assert outcome.scores.deciding("validation") == result["scores"]["val_score"]
    assert outcome.scores.validation == result["scores"]["val_metrics"]
    assert outcome.scores.test == result["submission"]["score"]["metrics"]
    assert (outcome.best_epoch, outcome.epochs) == (result["best_epoch"], 2)
    lines = (project.runs / "child-001" / "metrics.jsonl").read_text().splitlines()
    assert outcome.seconds == sum(json.loads(line)["seconds"] for line in lines)
    assert str(project.root) not in json.dumps(record.outcome, default=str)


def test_a_record_is_called_by_its_author_and_recipe(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRASH_AUTHOR", "김철수 (Lab 2)")
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    names = [path.relative_to(project.records).as_posix() for path in record_files(project)]
    tries = [name for name in names if name.startswith("김철수-lab-2/tiny-")]
    assert len(set(tries)) == len(names)
    assert {each.author for each in run_records(project)} == {"김철수 (Lab 2)"}
    assert sorted(each.name for each in run_records(project)) == ["tiny-001", "tiny-002"]


def test_the_record_follows_the_run(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[RunRecord] = []

    def look(*_: Any, **__: Any) -> None:
        seen.extend(run_records(project))
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("toolkit.train.fit._run_epoch", look)
        assert run(RUN) == 130
    assert [(each.status, each.ended, each.outcome) for each in seen] == [("running", None, None)]
    # Nothing was made: the next run takes its number, and its record goes.
    assert [each.status for each in run_records(project)] == ["interrupted"]
    (project.root / "fail").touch()
    assert run(RUN) == 1
    (failed,) = run_records(project)
    assert (failed.name, failed.status, failed.error) == (
        "tiny-001",
        "failed",
        "postprocessing broke",
    )
    (project.root / "fail").unlink()
    (before,) = record_files(project)
    assert run([*RUN, "--resume"]) == 0
    assert before in record_files(project)
    (finished,) = run_records(project)
    assert (finished.status, finished.error) == ("finished", None)
    assert finished.started == failed.started


def test_a_run_that_is_wrong_from_the_start_leaves_no_record(project: Project) -> None:
    recipe = project.recipes / "tiny.toml"
    recipe.write_text(recipe.read_text().replace('"sgd"\nlr', '"sgd"\nweight_decay = -1\nlr'))
    assert run(RUN) == 2
    assert record_files(project) == []


def test_trials_leave_no_record(project: Project) -> None:
    assert run([*RUN, "--limit", "2"]) == 0
    assert not project.records.exists()


def test_a_run_of_before_there_were_records_gets_one_when_it_goes_on(project: Project) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    manifest = project.runs / "tiny-001" / "manifest.json"
    values = json.loads(manifest.read_text())
    for key in ("record", "author", "options", "own", "values", "device", "changed_files"):
        del values[key]
    manifest.write_text(json.dumps(values))
    for path in record_files(project):
        path.unlink()
    assert run([*RUN, "--set", "train.epochs=2", "--resume"]) == 0
    (record,) = run_records(project)
    assert (record.name, record.status) == ("tiny-001", "finished")


def test_a_copy_of_a_mates_run_goes_on_under_ones_own_name(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    before = {path: path.read_bytes() for path in record_files(project)}
    monkeypatch.setenv("TRASH_AUTHOR", "Ben")
    assert run([*RUN, "--set", "train.epochs=2", "--resume"]) == 0
    assert all(path.read_bytes() == content for path, content in before.items())
    assert sorted(each.author for each in run_records(project)) == ["Ann Lee", "Ben"]


def test_an_edited_manifest_is_told(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    manifest = project.runs / "tiny-001" / "manifest.json"
    values = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(values | {"python": 3}))
    capsys.readouterr()
    assert run([*RUN, "--set", "train.epochs=2", "--resume"]) == 2
    assert "broken manifest of the run tiny-001: python: " in capsys.readouterr().err
    assert json.loads(manifest.read_text())["status"] == "finished"


def test_commit_and_changed_files_are_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    (project.root / ".gitignore").write_text("runs/\nsubmissions/\n.trash/\nhooks.log\n")
    git(project.root, "init", "-q")
    git(project.root, "add", ".")
    git(project.root, "commit", "-q", "-m", "all of it")
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    (record,) = run_records(project)
    assert record.code.commit == git(project.root, "rev-parse", "HEAD")
    assert (record.code.changed, record.code.n_changed) == ((), 0)
    with (project.plugins / "lab.py").open("a") as file:
        file.write("# changed\n")
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    record = next(each for each in run_records(project) if each.name == "tiny-002")
    assert (record.code.changed, record.code.n_changed) == (("plugins/lab.py",), 1)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
