"""A metric that has no value on some images: told, and nothing that is finished is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.tiny_project import RECIPE
from toolkit.cli.main import run
from toolkit.project import Project


def _without(root: Path, name: str, category: str) -> None:
    """Take all objects of a category out of an annotation file."""
    content = json.loads((root / name).read_text())
    (number,) = [each["id"] for each in content["categories"] if each["name"] == category]
    content["annotations"] = [
        each for each in content["annotations"] if each["category_id"] != number
    ]
    (root / name).write_text(json.dumps(content))


def _category(root: Path) -> str:
    """Return a class of the validation images."""
    content = json.loads((root / "val.json").read_text())
    used = {each["category_id"] for each in content["annotations"]}
    return next(str(each["name"]) for each in content["categories"] if each["id"] in used)


@pytest.fixture
def rare(project: Project, demo_root: Path) -> str:
    """The metric of a class that no test image has, of the recipe `tiny`."""
    root = project.root / "data"
    shutil.copytree(demo_root, root)
    category = _category(root)
    _without(root, "test_truth.json", category)
    recipe = RECIPE.replace("{root}", "data").replace("epochs = 3", "epochs = 1")
    metric = f'[metric]\nname = "mean_accuracy"\nclasses = ["{category}"]\n'
    (project.root / "recipes" / "tiny.toml").write_text(recipe + metric)
    return f'mean_accuracy:classes=["{category}"]'


def test_a_test_split_without_a_score_is_no_failure(
    project: Project, rare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny", "--json"]) == 0
    told = capsys.readouterr()
    assert f"warning: no score on the test split: the metric {rare} has no value on" in told.err
    result = json.loads(told.out)
    assert result["scores"]["val_score"] is not None
    assert result["submission"]["score"]["metrics"][rare] is None
    assert result["submission"]["score"]["metrics"]["miou"] > 0
    assert (project.submissions / "tiny-001.json").is_file()
    for command in (
        ["submission", "check", "submissions/tiny-001.csv"],
        ["submission", "list"],
        ["recipe", "compare", "tiny", "--seeds", "3"],
        ["submission", "score", "submissions/tiny-001.csv", "--truth", "tiny"],
        ["submit", "tiny-001", "-o", "submissions/again.csv"],
    ):
        assert run(command) == 0, command
        told = capsys.readouterr()
        assert "nan" not in told.out.split(), command


def test_a_file_without_a_score_is_not_worse_than_another(
    project: Project, rare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "tiny"]) == 0
    shutil.copy(project.submissions / "tiny-001.csv", project.submissions / "b.csv")
    shutil.copy(project.submissions / "tiny-001.json", project.submissions / "b.json")
    capsys.readouterr()
    command = ["submission", "score", "submissions/tiny-001.csv", "--truth", "tiny"]
    assert run([*command, "--over", "submissions/b.csv"]) == 0
    told = capsys.readouterr().out
    assert "no comparison with submissions/b.csv" in told
    assert "nan" not in told


def test_a_search_without_a_score_is_told_before_anything_is_fitted(
    project: Project, rare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _without(project.root / "data", "val.json", rare.split('"')[1])
    for seed in (3, 4):
        command = ["recipe", "run", "tiny", "--set", f"seed={seed}"]
        assert run([*command, "--set", "metric.name=miou"]) == 0
    capsys.readouterr()
    assert run(["ensemble", "search", "tiny-001", "tiny-002", "--metric", rare]) == 1
    errors = capsys.readouterr().err
    assert f"the metric {rare} has no value on" in errors
    assert "selecting" not in errors


def test_no_training_begins_for_a_metric_that_no_run_will_have(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for metric, message in (
        ("mIoUs", "no metric is called mIoUs"),
        ('dice:classes=["Paper"]', "no run of recipes/tiny.toml is scored by dice"),
    ):
        assert run(["recipe", "compare", "tiny", "--seeds", "1", "--metric", metric]) == 2
        assert message in capsys.readouterr().err
    assert not project.runs.exists()


def test_names_of_one_metric_are_one_training(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["recipe", "compare", "tiny", "--seeds", "3", "--set", "train.epochs=1"]
    assert run(command) == 0
    for option in (
        *(["--set", f"metric.name={name}"] for name in ("miou", "mean_iou", "builtin:miou")),
        *(["--metric", name] for name in ("mean_iou", "builtin:dice")),
    ):
        capsys.readouterr()
        assert run([*command, *option]) == 0, option
        assert "finished before" in capsys.readouterr().err, option


def _no_training(project: Project) -> bool:
    return not project.runs.exists() or not any(project.runs.iterdir())


def test_validation_images_without_a_score_are_told_before_the_training(
    project: Project, rare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _without(project.root / "data", "val.json", rare.split('"')[1])
    assert run(["recipe", "run", "tiny"]) == 2
    errors = capsys.readouterr().err
    assert "recipes/tiny.toml:" in errors
    assert f"metric: the metric {rare} has no value on" in errors
    assert "of val, whose classes are Background" in errors
    assert "however good the predictions are" in errors
    assert _no_training(project)


@pytest.mark.parametrize("trial", [["--limit", "3"], ["--smoke"]])
def test_a_trial_on_a_few_images_goes_on_by_another_metric(
    project: Project, rare: str, trial: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _without(project.root / "data", "val.json", rare.split('"')[1])
    # The demo's two validation images of a smoke run show few of so many classes.
    metric = ["--set", 'metric={name="mean_accuracy",classes=["Clothing"]}'] * (
        trial[0] == "--smoke"
    )
    assert run(["recipe", "run", "tiny", *trial, *metric]) == 0
    told = capsys.readouterr()
    assert f"{trial[0]} decides by mIoU instead" in told.err
    assert "validation  mIoU" in told.out


def test_a_fold_without_a_score_is_told_before_the_first_fold(
    project: Project, rare: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project.root / "data"
    content = json.loads((root / "train.json").read_text())
    (number,) = [each["id"] for each in content["categories"] if each["name"] == rare.split('"')[1]]
    shown = {each["image_id"] for each in content["annotations"] if each["category_id"] == number}
    # The last fold has none of its images.
    names = {each["id"]: each["file_name"] for each in content["images"]}
    others = [name for key, name in names.items() if key not in shown]
    assert run(["data", "split", "tiny", "--folds", "2", "-o", "recipes/folds.json"]) == 0
    file = project.root / "recipes" / "folds.json"
    split = json.loads(file.read_text())
    split["folds"] = [[name for name in names.values() if name not in others[:2]], others[:2]]
    file.write_text(json.dumps(split))
    capsys.readouterr()
    recipe = ["tiny", "--unset", "data.val", "--set", 'data.folds.file="recipes/folds.json"']
    assert run(["recipe", "run", *recipe, "--folds"]) == 2
    assert "has no value on 2 images of fold 1" in capsys.readouterr().err
    assert _no_training(project)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('boom')", "the metric broken failed: ValueError: boom ("),
        (
            "counts[:] = 0",
            "the metric broken failed: ValueError: assignment destination is read-on",
        ),
        ("return 0.5", "the metric broken returned float, not MetricScore"),
    ],
)
def test_a_metric_that_fails_is_told_by_the_check_and_before_the_training(
    project: Project, body: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "plugins" / "broken.py").write_text(BROKEN.replace("BODY", body))
    recipe = ["tiny", "--set", "metric.name=broken"]
    assert run(["recipe", "check", *recipe]) == 2
    assert message in capsys.readouterr().err
    assert run(["recipe", "run", *recipe]) == 1
    assert message in capsys.readouterr().err
    assert _no_training(project)


BROKEN = '''
from toolkit import Component, MetricScore, hookimpl


class Broken:
    larger_is_better = True

    def __call__(self, counts):
        BODY
        return MetricScore(0.5)


def make(context):
    """A metric."""
    return Broken()


@hookimpl
def trash_metrics():
    return [Component("broken", make, "")]
'''
