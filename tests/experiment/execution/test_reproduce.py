"""Running a recipe again from the record of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.experiment.test_run_record import run_records
from tests.shipped_recipes import RECIPES, ROOT, VARIANTS
from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.experiment.execution.reproduce import load_from_record
from toolkit.experiment.recorded_runs import find_run
from toolkit.plugin.discovery import load_registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.recipe.load import load_recipe
from toolkit.records.record import RunRecord, read_record, record_files, record_path, write_record
from toolkit.workspace import Workspace

RUN = ["recipe", "run"]
Capture = pytest.CaptureFixture[str]


def test_every_shipped_recipe_comes_back_from_a_record_as_it_is(
    project: Project, tmp_path: Path
) -> None:
    assert run([*RUN, "tiny", "--set", "train.epochs=1"]) == 0
    template = run_records(project)[0]
    house = Project(ROOT)
    registry = load_registry(house)
    workspace = Workspace(Project(tmp_path / "other"), registry, SilentProgress())
    paths = [*RECIPES, *VARIANTS]
    assert len(paths) > 150
    for path in paths:
        loaded = load_recipe(ROOT / path, project=house, registry=registry)
        values = json.loads(json.dumps(loaded.recipe.model_dump(mode="json")))
        record = {**vars(template), "values": values, "recipe": path, "plugins": {}}
        write_record(record_path(workspace.project, "ann/x-1"), RunRecord(**record))
        stored = find_run("ann/x-1", workspace.project)
        again = load_from_record(workspace, stored)
        assert again.recipe == loaded.recipe, path
        assert again.digest == loaded.digest, path
        assert again.name == loaded.name


@pytest.mark.parametrize(
    "more",
    [
        ["tiny"],
        ["--set", "seed=2"],
        ["--unset", "seed"],
        ["--smoke"],
        ["--limit", "2"],
        ["--seeds", "1,2"],
        ["--folds"],
    ],
)
def test_a_reproduction_changes_nothing(project: Project, capsys: Capture, more: list[str]) -> None:
    assert run([*RUN, *more, "--from", "tiny-001"]) == 2
    told = capsys.readouterr().err
    assert "--from runs what the record says" in told
    assert "trash run show tiny-001 --recipe" in told
    assert not project.runs.exists()


def test_neither_recipe_nor_record(project: Project, capsys: Capture) -> None:
    assert run(RUN) == 2
    assert "Name one, or a run of the team with --from RUN" in capsys.readouterr().err
    assert run([*RUN, "--from", "tinny"]) == 2
    assert "there is no record of a run tinny" in capsys.readouterr().err


def forget_runs(project: Project) -> None:
    """Leave what a team mate has: the records alone."""
    for folder in (project.runs, project.submissions):
        folder.rename(folder.with_name(f"{folder.name}-of-ann"))


def records_of(project: Project, name: str) -> list[RunRecord]:
    return [record for record in run_records(project) if record.name == name]


def test_a_pipeline_is_reproduced_with_all_its_stages(
    project: Project, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.recipes / "student.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nteachers = ["tiny"]\n[train]\nepochs = 2\n'
    )
    assert run([*RUN, "student", "--set", "train.batch_size=3"]) == 0
    assert {record.name for record in run_records(project)} == {"tiny-001", "student-001"}
    (before,) = records_of(project, "student-001")
    assert before.own == {"pseudo.teachers": ["tiny"], "train.epochs": 2}
    assert [parent["kind"] for parent in before.parents] == ["pseudo-labels"]
    assert "pseudo-labels" in before.inputs
    forget_runs(project)
    (project.root / ".trash").rename(project.root / "cache-of-ann")
    (project.recipes / "student.toml").unlink()
    monkeypatch.setenv("TRASH_AUTHOR", "Ben")
    assert run([*RUN, "--from", "ann-lee/student"]) == 0
    again = next(each for each in records_of(project, "student-001") if each.author == "Ben")
    assert (again.training, again.result_key) == (before.training, before.result_key)
    assert again.recipe == "recipes/student.toml"
    assert again.own == before.own
    # The teacher's recipe is not in the student's record: another one is told.
    forget = project.runs.with_name("runs-of-ben")
    project.runs.rename(forget)
    recipe = project.recipes / "tiny.toml"
    recipe.write_text(recipe.read_text().replace("lr = 0.1", "lr = 0.2"))
    capsys.readouterr()
    assert run([*RUN, "--from", "ann-lee/student"]) == 2
    told = capsys.readouterr().err
    assert "pseudo-labels: " in told
    assert "by another recipe, data or plugin of that stage" in told


def test_an_interrupted_reproduction_goes_on(
    project: Project, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run([*RUN, "tiny", "--set", "train.epochs=2"]) == 0
    forget_runs(project)
    monkeypatch.setenv("TRASH_AUTHOR", "Ben")
    monkeypatch.setenv("STOP_AFTER", "1")
    capsys.readouterr()
    assert run([*RUN, "--from", "ann-lee/tiny"]) == 130
    (words,) = [
        line.partition("to continue: trash ")[2].split()
        for line in capsys.readouterr().err.splitlines()
        if "to continue" in line
    ]
    monkeypatch.delenv("STOP_AFTER")
    assert words[:3] == ["recipe", "run", "--from"]
    assert words[3].startswith("ann-lee/tiny-")
    assert run(words) == 0
    (own,) = [record for record in run_records(project) if record.author == "Ben"]
    assert (own.status, own.reproduces) == ("finished", words[3])
    assert [path.name for path in project.runs.iterdir()] == ["tiny-001"]


def test_what_came_after_the_training_may_differ(project: Project, capsys: Capture) -> None:
    assert run([*RUN, "tiny", "--set", "train.epochs=1"]) == 0
    (path,) = [each for each in record_files(project) if read_record(each).kind == "run"]
    values: dict[str, Any] = json.loads(path.read_text())
    values |= {"result_key": "another", "packages": {"torch": "0.1"}}
    values["data"]["test"]["digest"] = "another"
    values["code"]["trash"] = "0.0.1"
    path.write_text(json.dumps(values))
    forget_runs(project)
    capsys.readouterr()
    assert run([*RUN, "--from", "ann-lee/tiny", "--plan"]) == 0
    told = capsys.readouterr().err
    assert "the network is the same, its submission is not: data, test: 5 images" in told
    assert "torch: 0.1 then, " in told
    assert "trash: 0.0.1 then, " in told
    values["training"] = "another"
    path.write_text(json.dumps(values))
    assert run([*RUN, "--from", "ann-lee/tiny"]) == 2
    told = capsys.readouterr().err
    assert "this would be another training than ann-lee/tiny-" in told
    assert "trash: 0.0.1 then, " in told
    assert "--recipe > recipes/NAME.toml" in told


def test_values_that_this_version_does_not_know_are_told(project: Project, capsys: Capture) -> None:
    assert run([*RUN, "tiny", "--set", "train.epochs=1"]) == 0
    (path,) = [each for each in record_files(project) if read_record(each).kind == "run"]
    values = json.loads(path.read_text())
    values["values"]["train"]["epoch"] = 3
    path.write_text(json.dumps(values))
    capsys.readouterr()
    assert run([*RUN, "--from", "tiny-001"]) == 2
    told = capsys.readouterr().err
    assert "train.epoch" in told
    assert "Did you mean train.epochs?" in told
    assert f"records/ann-lee/{path.name}" in told


def test_a_reproduction_through_the_workspace(project: Project) -> None:
    assert run([*RUN, "tiny", "--set", "train.epochs=1"]) == 0
    stored = find_run("tiny-001", project)
    loaded = load_from_record(workspace_of(project), stored)
    assert loaded.recipe.train.epochs == 1
    assert loaded.record == stored.name
    assert loaded.words == ("--from", stored.name)
