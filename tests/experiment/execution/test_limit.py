"""`trash recipe run --limit`: a recipe on a few of the contest's own images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_project import workspace_of
from toolkit.cli.main import run
from toolkit.experiment.planning.planner import load_for_run, make_plan
from toolkit.project import Project
from toolkit.recipe.trial import Trial

LIMITED = ["recipe", "run", "tiny", "--limit", "4"]
HOOK = """

@hookimpl
def trash_run_finished(run_dir, result):
    import json

    manifest = json.loads((run_dir / "manifest.json").read_text())
    seen = {"manifest": manifest, "run": run_dir.name}
    (HERE / "seen.json").write_text(json.dumps(seen))
"""


@pytest.fixture
def seen(project: Project) -> Path:
    """Where a hook notes the manifest of a run before it is deleted."""
    plugin = project.plugins / "lab.py"
    text = plugin.read_text()
    plugin.write_text(text[: text.index("\n@hookimpl\ndef trash_run_finished")] + HOOK)
    return project.root / "seen.json"


def test_it_trains_validates_and_submits_a_few_images_and_keeps_nothing(
    project: Project, seen: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(LIMITED) == 0
    captured = capsys.readouterr()
    lines = [line for line in captured.out.splitlines() if not line.startswith(" ")]
    printed = dict(line.split(maxsplit=1) for line in lines)
    assert printed.keys() == {"trial", "validation", "rows", "score"}
    assert printed["trial"] == "--limit 4: nothing is kept, the scores say little"
    assert printed["rows"] == "4 (checked)"
    assert "run tiny.limit-001" in captured.err
    noted = json.loads(seen.read_text())
    manifest = noted["manifest"]
    assert noted["run"] == "tiny.limit-001"
    assert manifest["trial"] == "--limit 4"
    images = {name: split["images"] for name, split in manifest["data"].items()}
    assert images == {"train": 4, "val": 4, "test": 4}
    assert manifest["result"]["epochs"] == 1
    assert not project.runs.exists()
    assert not project.submissions.exists()
    assert not list((project.cache / "limit").iterdir())


def test_it_is_another_training_than_the_real_one(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = workspace_of(project)
    epochs = ("train.epochs=3",)
    keys: dict[Any, str] = {}
    for trial in (None, Trial("limit", 4), Trial("limit", 5), Trial("limit", 100)):
        loaded = load_for_run(workspace, Path("tiny"), epochs, (), trial)
        keys[trial] = make_plan(workspace, loaded, trial=trial).final.key
    assert len(set(keys.values())) == 3
    # With every image it is the real training, of which nothing is kept all the same.
    assert keys[None] == keys[Trial("limit", 100)]

    assert run(["recipe", "run", "tiny"]) == 0
    capsys.readouterr()
    assert run([*LIMITED, "--plan", "--json"]) == 0
    (stage,) = json.loads(capsys.readouterr().out)
    assert (stage["state"], stage["finished_before"]) == ("to do", "")
    assert run(["recipe", "run", "tiny", "--limit", "100", "--set", "train.epochs=3"]) == 0
    assert [path.name for path in project.runs.iterdir()] == ["tiny-001"]


def test_stages_before_it_are_limited_too(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.recipes / "student.toml").write_text(
        'extends = "tiny.toml"\n[pseudo]\nteachers = ["tiny"]\n'
    )
    assert run(["recipe", "run", "student", "--limit", "3", "--json"]) == 0
    captured = capsys.readouterr()
    assert "label 3 images by tiny" in captured.err
    result = json.loads(captured.out)
    assert (result["trial"], result["kept"]) == ("--limit 3", False)
    assert result["submission"]["rows"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "--limit keeps nothing and runs on one device"),
        (["--devices", "2"], "--limit keeps nothing and runs on one device"),
        (["--smoke"], "--smoke and --limit are different trials"),
        (["--seeds", "1,2"], "--folds and --seeds cannot be combined with"),
    ],
)
def test_what_it_cannot_be_combined_with(
    project: Project, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run([*LIMITED, *words]) == 2
    assert message in capsys.readouterr().err
    assert not project.runs.exists()


def test_what_set_says_of_the_epochs_holds(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*LIMITED, "--set", "train.epochs=2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 2
