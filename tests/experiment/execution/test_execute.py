from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_project import workspace_of
from toolkit import UsageError
from toolkit.cli.main import run
from toolkit.experiment.execution.execute import execute
from toolkit.experiment.planning.planner import load_for_run
from toolkit.experiment.run_folder import RunFolder
from toolkit.project import Project
from toolkit.submission.side_car import read_side_car
from toolkit.train.checkpoint import load_checkpoint

RUN = ["recipe", "run", "tiny"]


def _manifest(project: Project, name: str = "tiny-001") -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.runs / name / "manifest.json").read_text())
    return content


def _hooks(project: Project) -> list[str]:
    return (project.root / "hooks.log").read_text().splitlines()


def _epochs(project: Project, name: str = "tiny-001") -> list[int]:
    lines = (project.runs / name / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["epoch"] for line in lines]


def _tree(root: Path) -> set[str]:
    found = (path for path in root.rglob("*") if "__pycache__" not in path.parts)
    return {path.relative_to(root).as_posix() for path in found}


def test_a_run_goes_from_data_to_a_checked_submission(project: Project) -> None:
    workspace = workspace_of(project)
    loaded = load_for_run(workspace, Path("tiny"), (), ())
    result = execute(workspace, loaded)
    assert result is not None
    assert result.run.name == "tiny-001"
    assert result.submission is not None
    assert result.submission.path == project.submissions / "tiny-001.csv"
    assert result.submission.rows == 5
    assert result.submission.score is not None
    assert len(result.submission.path.read_text().splitlines()) == 6
    side_car = read_side_car(result.submission.side_car)
    assert side_car.members[0].checkpoint == "runs/tiny-001/best.pt"
    assert side_car.score == result.submission.score

    run_dir = project.runs / "tiny-001"
    checkpoints = {"best.counts", "best.pt", "last.pt", "state.pt"}
    assert _tree(run_dir) == checkpoints | {"metrics.jsonl", "manifest.json", "recipe.toml"}
    resolved = tomllib.loads((run_dir / "recipe.toml").read_text())
    assert resolved["train"]["epochs"] == 3
    assert resolved["optimizer"]["momentum"] == 0.9  # a default of the factory
    manifest = _manifest(project)
    assert manifest["status"] == "finished"
    assert manifest["recipe"] == "recipes/tiny.toml"
    assert manifest["recipe_digest"] == loaded.digest
    assert manifest["seed"] == 3
    images = {name: split["images"] for name, split in manifest["data"].items()}
    assert images == {"train": 12, "val": 6, "test": 5}
    assert manifest["plugins"].keys() == {"lab"}
    assert manifest["result"]["best_epoch"] == result.fit.best_epoch
    assert manifest["result"]["submission"]["rows"] == 5
    lineage = load_checkpoint(result.fit.best).lineage
    assert lineage["run"] == "tiny-001"
    assert lineage["recipe_digest"] == loaded.digest
    assert lineage["plugins"] == manifest["plugins"]
    assert _hooks(project) == [
        "started tiny-001 3",
        "epoch 1 True",
        "epoch 2 True",
        "epoch 3 True",
        "written tiny-001.csv 5",
        "finished tiny-001 3",
    ]


def test_the_command_prints_what_was_made(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    captured = capsys.readouterr()
    lines = [line for line in captured.out.splitlines() if not line.startswith(" ")]
    printed = dict(line.split(maxsplit=1) for line in lines)
    names = {"run", "checkpoint", "report", "validation", "submission", "rows", "score"}
    assert printed.keys() == names
    assert Path(printed["report"]).is_file()
    assert Path(printed["submission"]).is_file()
    assert "Traceback" not in captured.err
    warnings = _manifest(project)["result"]["submission"]["warnings"]
    assert any("class" in warning for warning in warnings)
    assert all(f"warning: {warning}" in captured.err for warning in warnings)
    assert run([*RUN, "--set", "train.epochs=1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["submission"]["warnings"] == warnings
    assert result["run"].endswith("tiny-002")
    assert result["submission"]["rows"] == 5
    assert run(["submission", "check", result["submission"]["path"]]) == 0


def test_a_recipe_without_a_test_split_ends_after_training(project: Project) -> None:
    workspace = workspace_of(project)
    unset = [f"data.{key}" for key in ("test", "truth", "sample_submission")]
    loaded = load_for_run(
        workspace,
        Path("tiny"),
        ("train.epochs=1",),
        unset,
    )
    result = execute(workspace, loaded)
    assert result is not None
    assert result.submission is None
    assert _manifest(project)["status"] == "finished"
    assert not project.submissions.exists()


def test_an_interrupted_run_is_resumed_where_it_was(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOP_AFTER", "1")
    changed = [*RUN, "--set", "train.clip_norm=1.5"]
    assert run(changed) == 130
    err = capsys.readouterr().err
    assert str(project.runs / "tiny-001") in err
    assert "tiny.toml --set train.clip_norm=1.5 --resume\n" in err
    assert _manifest(project)["status"] == "interrupted"
    monkeypatch.delenv("STOP_AFTER")
    assert run([*changed, "--resume"]) == 0
    manifest = _manifest(project)
    assert manifest["status"] == "finished"
    assert manifest["result"]["epochs"] == 3
    assert _epochs(project) == [1, 2, 3]
    epochs = [line for line in _hooks(project) if line.startswith("epoch")]
    assert epochs == ["epoch 1 True", "epoch 2 True", "epoch 3 True"]
    assert [path.name for path in project.runs.iterdir()] == ["tiny-001"]


def test_an_interruption_before_the_first_epoch_leaves_nothing_to_resume(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("toolkit.train.fit._run_epoch", interrupted)
    assert run(RUN) == 130
    *_, reason, end = capsys.readouterr().err.splitlines()
    assert (reason, end) == ("no epoch had finished: nothing to resume", "interrupted")


def test_a_submission_that_failed_is_made_without_training_again(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "fail").touch()
    assert run(RUN) == 1
    captured = capsys.readouterr()
    assert "postprocessing broke" in captured.err
    assert "--resume" in captured.err
    manifest = _manifest(project)
    assert manifest["status"] == "failed"
    assert manifest["error"] == "postprocessing broke"
    assert not list(project.submissions.glob("*"))
    weights = (project.runs / "tiny-001" / "last.pt").stat().st_mtime_ns
    (project.root / "fail").unlink()
    assert run([*RUN, "--resume"]) == 0
    assert (project.runs / "tiny-001" / "last.pt").stat().st_mtime_ns == weights
    assert len([line for line in _hooks(project) if line.startswith("epoch")]) == 3
    manifest = _manifest(project)
    assert manifest["status"] == "finished"
    assert "error" not in manifest
    assert (project.submissions / "tiny-001.csv").is_file()


def test_what_comes_after_training_may_change_before_resuming(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "fail").touch()
    assert run(RUN) == 1
    changes = ["--set", "postprocess=[]", "--set", 'predict.views="hflip"']
    changes += ["--set", "submission.size=[8, 8]"]
    assert run([*RUN, "--resume", *changes]) == 0
    assert len([line for line in _hooks(project) if line.startswith("epoch")]) == 3
    side_car = read_side_car(project.submissions / "tiny-001.json")
    assert side_car.members[0].views == "hflip"
    assert side_car.format.parameters["size"] == [8, 8]
    resolved = tomllib.loads((project.runs / "tiny-001" / "recipe.toml").read_text())
    assert resolved["predict"]["views"] == "hflip"


def test_a_finished_run_can_be_resumed_for_longer(project: Project) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    before = _manifest(project)["recipe_digest"]
    assert run([*RUN, "--set", "train.epochs=2", "--resume"]) == 0
    assert _epochs(project) == [1, 2]
    resolved = tomllib.loads((project.runs / "tiny-001" / "recipe.toml").read_text())
    assert resolved["train"]["epochs"] == 2
    assert _manifest(project)["recipe_digest"] != before


def test_a_run_is_executed_by_one_process_at_a_time(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    with RunFolder(project.runs / "tiny-001").alone():
        assert run([*RUN, "--set", "train.epochs=2", "--resume"]) == 2
    assert "another process is executing the run tiny-001" in capsys.readouterr().err
    assert _epochs(project) == [1]
    assert run([*RUN, "--set", "train.epochs=2", "--resume"]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "manifest.json:1: run manifest is not valid JSON"),
        ("[]", "is not a run manifest"),
        ('{"schema_version": 99}', "run manifest of version 99; this is version 1"),
        ('{"schema_version": 1, "status": "x"}', "it lacks recipe, recipe_digest, data"),
    ],
)
def test_an_edited_manifest_is_a_clear_error(
    project: Project, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    (project.runs / "tiny-001" / "manifest.json").write_text(content)
    assert run([*RUN, "--set", "train.epochs=1", "--resume"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err


def test_mistakes_that_show_late_are_found_before_a_run_is_made(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = project.root / "sample.csv"
    sample.write_text("image_id,PredictionString\nother.jpg,0\n")
    cases = [
        (["--set", 'ensemble={name = "mean", weights = [0.4, 0.6]}'], "1 member, but 2 weights"),
        (["--set", f'data.sample_submission="{sample}"'], "sample submission"),
        (["--devices", "3"], "cannot be divided"),
        (["--set", "train.device_batch_size=3"], "cannot be divided"),
    ]
    for arguments, message in cases:
        assert run([*RUN, *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not project.runs.exists()


def test_the_manifest_names_the_recipe_from_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.recipes)
    assert run(["recipe", "run", "tiny.toml", "--set", "train.epochs=1"]) == 0
    assert _manifest(project)["recipe"] == "recipes/tiny.toml"


def test_smoke_leaves_nothing_but_its_demo_data(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = project.root / "moved"
    monkeypatch.setenv("TRASH_CACHE", str(cache))
    before = _tree(project.root)
    assert run([*RUN, "--smoke"]) == 0
    printed = capsys.readouterr().out
    assert "score" in printed
    assert str(project.root) not in printed  # no paths of files that are gone
    left = _tree(project.root) - before - {"hooks.log", "moved"}
    assert left
    assert all(name == "moved/smoke" or name.startswith("moved/smoke/data") for name in left)


def test_smoke_cannot_be_resumed_or_divided(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["--resume"], ["--devices", "2"]):
        assert run([*RUN, "--smoke", *arguments]) == 2
        assert "--smoke keeps nothing" in capsys.readouterr().err


def test_torchrun_around_the_command_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert run(RUN) == 2
    assert "--devices" in capsys.readouterr().err
    assert not project.runs.exists()


def test_a_bug_is_recorded_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = workspace_of(project)
    loaded = load_for_run(workspace, Path("tiny"), (), ())
    monkeypatch.setattr("toolkit.experiment.execution.training.fit", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        execute(workspace, loaded)
    manifest = _manifest(project)
    assert manifest["status"] == "failed"
    assert manifest["error"].startswith("ZeroDivisionError")


def test_a_real_model_resumes(project: Project) -> None:
    workspace = workspace_of(project)
    model = ["--set", 'model={name = "unet", encoder = "tu-mobilenetv3_small_050"}']
    loaded = load_for_run(
        workspace,
        Path("tiny"),
        (model[1], "train.epochs=1"),
        (),
    )
    first = execute(workspace, loaded)
    again = execute(workspace, loaded, resume=True)
    assert first is not None
    assert again is not None
    assert first.as_json() == again.as_json()


def test_resume_without_a_run_is_a_usage_error(project: Project) -> None:
    workspace = workspace_of(project)
    loaded = load_for_run(workspace, Path("tiny"), (), ())
    with pytest.raises(UsageError, match="nothing to resume"):
        execute(workspace, loaded, resume=True)


def test_what_only_the_run_finds_wrong_has_its_line_too(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = project.recipes / "tiny.toml"
    text = recipe.read_text().replace('name = "tiny"', 'name = "fcn32s"\nweights = "gone.pth"')
    recipe.write_text(text)
    assert run(["recipe", "check", "tiny"]) == 0
    assert run(RUN) == 2
    line = text.splitlines().index('weights = "gone.pth"') + 1
    assert f"error: recipes/tiny.toml:{line}  model.weights: no weights at" in (
        capsys.readouterr().err
    )


def test_smoke_has_the_recipe_s_own_classes_columns_and_ids(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"Thing {number}" for number in range(14)]  # more than the demo draws kinds of
    root = project.root / "mine"
    root.mkdir()
    categories = [{"id": 5 + i, "name": name} for i, name in enumerate(names)]
    (root / "train.json").write_text(
        json.dumps({"images": [], "annotations": [], "categories": categories})
    )
    text = f"""
extends = "tiny.toml"
[data]
root = "{root}"
[submission]
columns = ["img", "labels"]
image_suffix = ".png"
[[postprocess]]
name = "class_bias"
factors = {{"{names[13]}" = 2.0}}
[[postprocess]]
name = "min_area"
per_class = {{"{names[0]}" = 3}}
"""
    (project.recipes / "own.toml").write_text(text)
    assert run(["recipe", "run", "own", "--smoke"]) == 0
    assert "score" in capsys.readouterr().out
    (demo,) = (project.cache / "smoke").glob("data-*")
    train = json.loads((demo / "train.json").read_text())
    assert [each["name"] for each in train["categories"]] == names
    used = {each["category_id"] for each in train["annotations"]}
    assert max(used) > 11  # not the first 11 alone, as many as there are kinds


def test_a_start_that_is_refused_leaves_no_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = UsageError("there are no weights", "Get them.")
    with monkeypatch.context() as patch:

        def refuse(*_: object, **__: object) -> None:
            raise refused

        patch.setattr("toolkit.experiment.execution.training.fit", refuse)
        assert run(RUN) == 2
        assert not list(project.runs.iterdir())
    with monkeypatch.context() as patch:
        patch.setenv("BREAK_RANK", "none")
        assert run(RUN) == 1
        assert _manifest(project)["status"] == "failed"  # says why until the next start
    assert run([*RUN, "--set", "train.epochs=1"]) == 0
    assert [each.name for each in project.runs.iterdir()] == ["tiny-001"]
    assert _manifest(project)["status"] == "finished"
