"""Searching an ensemble and submitting what was found, through the command."""

from __future__ import annotations

import json
import shlex
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.plugin.discovery import load_registry
from toolkit.project import Project
from toolkit.train.checkpoint import checkpoint_digest


@pytest.fixture
def trained(project: Project, capsys: pytest.CaptureFixture[str]) -> Project:
    """Three seeds of the tiny recipe."""
    for seed in (1, 2, 3):
        assert run(["recipe", "run", "tiny", "--set", f"seed={seed}"]) == 0
    capsys.readouterr()
    return project


def _found(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(["ensemble", "search", *arguments, "--folds", "3", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


RUNS = ("runs/tiny-001", "runs/tiny-002", "runs/tiny-003")


def test_every_way_is_listed_with_its_scores(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _found(capsys, *RUNS)
    names = [way["name"] for way in found["ways"]]
    assert names[:4] == ["mean of all", "tiny-001", "tiny-002", "tiny-003"]
    assert {"tiny-001 + tiny-003", "geometric of all", "greedy", "stacking"} <= set(names)
    assert found["images"] == 6
    # The scores are those of a submission with the same members.
    assert run(["submit", "--ensemble", *(f"{name}/best.pt" for name in RUNS), "--json"]) == 0
    submitted = json.loads(capsys.readouterr().out)
    assert found["ways"][0]["score"] == pytest.approx(submitted["validation"]["mean_iou"])
    alone = [member["validation"]["mean_iou"] for member in submitted["members"]]
    assert [way["score"] for way in found["ways"][1:4]] == pytest.approx(alone)
    assert found["chosen"] in names
    assert found["command"].startswith("trash submit")


def test_the_printed_line_submits_what_was_scored(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _found(capsys, *RUNS)
    chosen = next(way for way in found["ways"] if way["name"] == found["chosen"])
    assert run([*shlex.split(found["command"])[1:], "--json"]) == 0
    submitted = json.loads(capsys.readouterr().out)
    # The numbers in the file are rounded.
    assert submitted["validation"]["mean_iou"] == pytest.approx(
        chosen["score_if_fitted_on_all"], abs=2e-3
    )
    assert run(["ensemble", "search", *RUNS, "--folds", "3"]) == 0
    heading, *_, line = capsys.readouterr().out.splitlines()
    assert "mIoU on the images" in heading
    assert "gain over the mean of all" in heading
    assert shlex.split(line)[:2] == ["trash", "submit"]


def _combination(project: Project, members: Sequence[str], ensemble: str) -> Path:
    lines = ['schema = "trash-combination"', "version = 1", "postprocess = []", ensemble]
    for name in members:
        path = project.runs / name / "best.pt"
        lines += [
            "[[members]]",
            f'checkpoint = "runs/{name}/best.pt"',
            f'digest = "{checkpoint_digest(path)}"',
            'views = "none"',
        ]
    lines += ["[fitted]", 'what = "greedy"', "images = 6", "fitted_miou = 0.5"]
    lines += ["honest_miou = 0.4", "mean_miou = 0.3"]
    file = project.root / "chosen.toml"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_a_combination_is_submitted_with_its_own_members_only(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _combination(
        trained, ("tiny-002", "tiny-001"), '[ensemble]\nname = "mean"\nweights = [3, 1]\n'
    )
    first, second, third = (f"{name}/best.pt" for name in RUNS)
    assert run(["submit", "--ensemble", second, first, "--combine", str(file), "-o", "a.csv"]) == 0
    assert run(["submit", "--ensemble", second, first, "--weights", "3,1", "-o", "b.csv"]) == 0
    assert Path("a.csv").read_bytes() == Path("b.csv").read_bytes()
    side_car = json.loads(Path("a.json").read_text())
    assert side_car["combine"] == {"name": "mean", "weights": [3, 1]}
    capsys.readouterr()
    for arguments, message in (
        ([first, second], "member 1 is runs/tiny-001/best.pt@none, but the combination was fitted"),
        ([second, third], "member 2 is runs/tiny-003/best.pt@none"),
        ([second, f"{first}@hflip"], "member 2 is runs/tiny-001/best.pt@hflip"),
        ([second, first, third], "3 members, but the combination was fitted to 2"),
        ([second, first, "--weights", "1,2"], "--weights, --post and --member-post would change"),
        ([second, first, "--post", "smooth"], "--weights, --post and --member-post would change"),
    ):
        assert run(["submit", "--ensemble", *arguments, "--combine", str(file)]) == 2
        assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a combination"),
        ("x = ", "no TOML file"),
        ('schema = "trash-combination"\nversion = 7', "version 7; this is version 2"),
        ('schema = "trash-combination"\nversion = 1', "broken combination: ensemble"),
        (
            'schema = "trash-combination"\nversion = 1\npostprocess = []\nmembers = []\n'
            '[ensemble]\nname = "mean"\n[fitted]\nwhat = "greedy"\nimages = 6\n'
            "fitted_miou = 0.5\nhonest_miou = nan\nmean_miou = 0.3",
            "broken combination: fitted.honest_miou",
        ),
    ],
)
def test_a_broken_combination_is_refused(
    text: str,
    message: str,
    trained: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("broken.toml").write_text(text)
    assert run(["submit", "runs/tiny-001/best.pt", "--combine", "broken.toml"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert run(["submit", "runs/tiny-001/best.pt", "--combine", "absent.toml"]) == 2
    assert "combination not found: absent.toml" in capsys.readouterr().err


def test_a_postprocessor_that_does_not_help_is_not_kept(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _found(capsys, *RUNS, "--try", "smooth:sigma=40.0")
    (tried,) = found["postprocessors"]
    assert tried["component"] == {"name": "smooth", "sigma": 40.0}
    assert not tried["kept"]
    assert tried["gain"] <= tried["error"]
    assert found["postprocessing_gain"] == 0


SECRET = '''
import numpy as np

from toolkit import Component, hookimpl


def cheat(context):
    """Knows the truth of some images."""
    from pathlib import Path

    from toolkit.data.contest import open_contest
    from toolkit.data.images import read_image
    from toolkit.data.masks import paint_mask
    from toolkit.plugin.discovery import builtin_registry
    from toolkit.progress import SilentProgress
    from toolkit.project import Project
    from toolkit.recipe.load import load_recipe
    from toolkit.workspace import Workspace

    project = Project(Path(__file__).parents[1])
    recipe = load_recipe(Path("tiny"), project=project).recipe
    split = open_contest(
        Workspace(project, builtin_registry(), SilentProgress()), recipe.data
    ).val
    known = {}
    for position, record in enumerate(split.images):
        mask = paint_mask(record, split.labels, split.overlap, split.ignore_index)
        known[read_image(split.path(position), record).tobytes()] = mask

    def step(probabilities, image):
        mask = known.get(image.tobytes())
        if mask is None:
            return probabilities
        return np.eye(len(probabilities), dtype=np.float32)[mask].transpose(2, 0, 1)

    return step


@hookimpl
def trash_postprocessors():
    return [Component("cheat", cheat, "Knows the truth.")]
'''


def test_a_postprocessor_that_helps_is_kept_and_submitted(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (trained.plugins / "cheat.py").write_text(SECRET)
    found = _found(capsys, *RUNS, "--try", "smooth", "--try", "cheat", "-o", "kept.toml")
    assert [each["kept"] for each in found["postprocessors"]] == [False, True]
    assert found["postprocessing_gain"] > 0.5
    content = tomllib.loads(Path("kept.toml").read_text())
    assert content["postprocess"] == [{"name": "cheat"}]
    assert content["fitted"]["images"] == 6
    assert run([*shlex.split(found["command"])[1:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["validation"]["mean_iou"] == pytest.approx(1.0)
    load_registry(Project(trained.root / "nowhere"))


def test_series_are_searched_out_of_fold(
    project: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = project.recipes / "tiny.toml"
    text = recipe.read_text().replace('val = "val.json"\n', "")
    recipe.write_text(text + '\n[data.folds]\nfile = "folds.json"\n')
    root = tomllib.loads(recipe.read_text())["data"]["root"]
    assert run(["data", "split", f"{root}/train.json", "--folds", "2", "-o", "folds.json"]) == 0
    other = project.recipes / "other.toml"
    other.write_text('extends = "tiny.toml"\ntitle = "other"\nseed = 8\n')
    for name in ("tiny", "other"):
        assert run(["recipe", "run", name, "--folds"]) == 0
    summary = json.loads((project.runs / "tiny.folds.json").read_text())
    capsys.readouterr()
    found = _found(capsys, "runs/tiny.folds.json", "runs/other.folds.json")
    assert found["images"] == 12
    alone = {way["name"]: way["score"] for way in found["ways"]}
    assert alone["tiny.folds"] == pytest.approx(summary["out_of_fold"]["mean_iou"])
    words = shlex.split(found["command"])
    if found["chosen"] == "mean of all":
        assert sum(word.endswith("best.pt") for word in words) == 4
    # A run of one fold has no images in common with both folds of the other.
    checkpoint = summary["runs"][0]["checkpoint"]
    assert run(["ensemble", "search", "runs/other.folds.json", checkpoint]) == 2
    assert "trained on other divisions of the images" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs/tiny-001", "runs/tiny-01"], "there is no checkpoint runs/tiny-01"),
        (["runs/tiny-001", "runs/tiny-001"], "runs/tiny-001 is named twice"),
        (["runs"], "runs has no best.pt"),
        (["runs/tiny-001/manifest.json"], "is not a summary of a series"),
        (["runs/tiny-001", "--try", "smoth"], "smooth"),
        (["runs/tiny-001", "-o", "recipes/tiny.toml"], "recipes/tiny.toml exists"),
        (["runs/tiny-001", "-o", "chosen.txt"], "-o chosen.txt: a combination is a .toml file"),
        (["runs/tiny-001", "runs/tiny-002", "--way", "gredy"], "--way gredy: unknown"),
        (["runs/tiny-001", "./runs/../runs/tiny-001"], "is named twice"),
        (["runs/empty.json"], "runs/empty.json: broken summary of a series: runs: "),
        (["runs/other.json"], "runs/other.json: broken summary of a series: runs.0.checkpoint: "),
    ],
)
def test_mistakes_are_told_before_the_work(
    arguments: list[str],
    message: str,
    trained: Project,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.rmtree(trained.cache / "stores")
    series: dict[str, Any] = {"schema": "trash-series", "version": 1}
    for name, more in (("empty", {"runs": []}), ("other", {"runs": [{"checkpoint": None}]})):
        (trained.runs / f"{name}.json").write_text(json.dumps(series | more))
    assert run(["ensemble", "search", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not list(trained.submissions.glob("ensembles/*"))
    assert not (trained.cache / "stores").exists()


def test_one_checkpoint_with_two_kinds_of_views(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _found(capsys, "runs/tiny-001/best.pt", "runs/tiny-001/best.pt@hflip")
    assert [way["name"] for way in found["ways"][1:3]] == [
        "runs/tiny-001/best.pt",
        "runs/tiny-001/best.pt@hflip",
    ]
    assert [way["members"] for way in found["ways"][1:3]] == [[0], [1]]


def test_the_metric_that_is_named_decides_and_goes_with_the_combination(
    trained: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--way", "stacking", "-o", "best.toml", "--metric", "image_dice")
    assert _found(capsys, *RUNS, *options)["metric"] == "image_dice"
    assert 'metric = "image_dice"' in (trained.root / "best.toml").read_text()
    submit = ["submit", "--ensemble", *RUNS, "--combine", "best.toml", "-o", "out.csv", "--json"]
    assert run(submit) == 0
    assert json.loads(capsys.readouterr().out)["validation"]["metric"] == "image_dice"
    assert run(["ensemble", "search", *RUNS, "--metric", "image_dyce"]) == 2
    assert "Did you mean image_dice?" in capsys.readouterr().err
