"""`trash data suspects` on runs of a network that learns colours, with labels that are wrong."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.coloured_contest import (
    N_IMAGES,
    NAMES,
    RECIPE,
    SIDE,
    WrongLabels,
    photo_name,
    write_coloured_contest,
)
from tests.experiment.interrupted import run_command
from tests.report.html_page import Page
from tests.tiny_project import PLUGIN, project
from toolkit.cli.main import run
from toolkit.experiment.run_folder import RunFolder
from toolkit.project import Project

__all__ = ["project"]

RED = NAMES[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WrongLabels]:
    """The contest, and a finished series of its three folds; to be copied."""
    folder = tmp_path_factory.mktemp("built") / "project"
    for name in ("recipes", "plugins"):
        (folder / name).mkdir(parents=True)
    (folder / "plugins" / "lab.py").write_text(PLUGIN)
    (folder / "recipes" / "coloured.toml").write_text(RECIPE)
    wrong = write_coloured_contest(folder / "data" / "coloured")
    for command in (
        ["data", "split", "coloured", "--folds", "3", "-o", "folds.json"],
        ["recipe", "run", "coloured", "--folds"],
    ):
        ending = run_command(folder, command)
        assert ending.code == 0, ending.told
    return folder, wrong


@pytest.fixture
def wrong(built: tuple[Path, WrongLabels], project: Project) -> WrongLabels:
    shutil.copytree(built[0], project.root, dirs_exist_ok=True)
    return built[1]


def suspects(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["data", "suspects", *command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    capsys.readouterr()
    assert run(["data", "suspects", *command]) == 2
    return " ".join(capsys.readouterr().err.split())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_series_finds_what_is_wrong_and_nothing_else(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    found = suspects(capsys, "coloured.folds")
    assert found["n_objects"] == 3 * N_IMAGES  # one left out, one too many
    assert found["n_unseen"] == 0
    by_kind = {each["kind"]: each for each in found["suspects"]}
    assert len(found["suspects"]) == len(by_kind) == 3
    swapped, extra, missing = (by_kind[kind] for kind in ("label", "extra", "missing"))
    assert (swapped["image"], swapped["annotation"]) == wrong.swapped
    assert (swapped["label"], swapped["suspected"]) == ("blue", RED)
    assert (extra["image"], extra["annotation"]) == wrong.extra
    assert (extra["label"], extra["suspected"]) == ("green", "Background")
    assert (missing["image"], missing["annotation"]) == (wrong.missing[0], None)
    assert np.abs(np.subtract(missing["box"], wrong.missing[1])).max() <= 1
    assert (missing["label"], missing["suspected"]) == ("Background", "green")
    doubts = [each["doubt"] for each in found["suspects"]]
    assert doubts == sorted(doubts, reverse=True)
    most_doubtful = {name for name, _ in found["images"][:3]}
    assert most_doubtful == {wrong.swapped[0], wrong.extra[0], wrong.missing[0]}
    rows = rows_of(project.root / "reports" / "suspects-coloured.folds.csv")
    assert [row["image"] for row in rows] == [each["image"] for each in found["suspects"]]
    assert {row["verdict"] for row in rows} == {""}
    page = Page(Path(found["page"]))
    assert [each["data-name"] for each in page.all("article")] == [row["image"] for row in rows]
    assert any(RED in text for text in page.text)  # escaped: its tag is no tag


def test_each_image_is_judged_by_those_that_left_it_out(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    folds = json.loads((project.root / "folds.json").read_text())["folds"]
    judged = []
    for number, names in enumerate(folds, start=1):
        found = suspects(capsys, f"coloured-{number:03d}", "--least", "0")
        assert {name for name, _ in found["images"]} == set(names)
        judged += names
    assert sorted(judged) == [photo_name(number) for number in range(N_IMAGES)]
    # The same through checkpoints, in any order; a run twice is a slip.
    together = suspects(capsys, *(f"runs/coloured-{n:03d}/best.pt" for n in (3, 1, 2)))
    series = suspects(capsys, "runs/coloured.folds.json")
    ids = [{(e["image"], e["annotation"]) for e in each["suspects"]} for each in (together, series)]
    assert ids[0] == ids[1]
    assert "named twice" in refusal(capsys, "coloured-001", "coloured.folds")


def test_the_maps_of_several_networks_are_averaged(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "coloured", "--set", "seed=4"]) == 0
    one = suspects(capsys, "coloured-001", "--least", "0")
    other = suspects(capsys, "coloured-004", "--least", "0")
    both = suspects(capsys, "coloured-001", "coloured-004", "--least", "0")
    assert both["n_objects"] == one["n_objects"] == other["n_objects"]
    assert Path(both["page"]).name == "suspects-coloured-001+1.html"
    doubt_of = [
        {each["annotation"]: each["doubt"] for each in found["suspects"] if each["annotation"]}
        for found in (one, other, both)
    ]
    for key, doubt in doubt_of[2].items():
        assert min(doubt_of[0][key], doubt_of[1][key]) - 0.05 <= doubt
        assert doubt <= max(doubt_of[0][key], doubt_of[1][key]) + 0.05


def test_a_reviewed_list_is_excluded_and_never_overwritten(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    found = suspects(capsys, "coloured.folds")
    path = Path(found["file"])
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([lines[0], *(f"{line}wrong" for line in lines[1:])]) + "\n")
    assert "has 3 verdicts of a reviewer" in refusal(capsys, "coloured.folds")
    assert run(["recipe", "check", "coloured", "--set", f"data.exclude={path}"]) == 0
    assert run(["recipe", "run", "coloured", "--set", f"data.exclude={path}"]) == 0
    told = capsys.readouterr().err
    folds = json.loads((project.root / "folds.json").read_text())["folds"]
    held_out = sum(each["image"] in folds[0] for each in found["suspects"])
    assert f"data.exclude: {3 - held_out} wrong label" in told
    # It is another training, validated on the same labels; without the list it is the first one.
    assert run(["recipe", "run", "coloured"]) == 0
    first, excluded, again = (
        RunFolder(project.runs / f"coloured-{number:03d}").manifest() for number in (1, 4, 5)
    )
    assert first["training"] == again["training"] != excluded["training"]
    assert first["data"]["val"] == excluded["data"]["val"]
    assert first["data"]["train"] != excluded["data"]["train"]


def test_the_table_names_the_worst_first(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "suspects", "coloured.folds", "--limit", "1"]) == 0
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert re.split(r"\s+", lines[0])[:5] == ["image", "annotation", "kind", "label", "suspected"]
    assert len(lines) == 4
    assert lines[2:] == [f"reports/suspects-coloured.folds.{each}" for each in ("html", "csv")]
    assert f"3 suspects among {3 * N_IMAGES} objects" in told.err
    assert str(SIDE * SIDE) in lines[1]


def test_corrected_labels_are_an_empty_list(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coloured_contest(project.root / "data" / "coloured", corrected=True)
    found = suspects(capsys, "coloured.folds", "-o", "none.html")
    assert found["n_objects"] == 3 * N_IMAGES
    assert found["suspects"] == []
    assert rows_of(project.root / "none.csv") == []
    assert any("no label is doubted by 0.5" in text for text in Page(Path("none.html")).text)
    # Nobody has reviewed it: it may be written again, and excludes nothing.
    suspects(capsys, "coloured.folds", "-o", "none.html")
    assert run(["recipe", "check", "coloured", "--set", "data.exclude=none.csv"]) == 0


def test_runs_that_cannot_judge_are_refused(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "run", "coloured", "--set", "train.on=all"]) == 0
    assert "has no validation images that it could judge" in refusal(capsys, "coloured-004")
    assert run(["recipe", "run", "tiny", "--set", "train.epochs=1"]) == 0
    told = refusal(capsys, "coloured-001", "tiny-001")
    assert "the runs have different classes" in told
    assert "Did you mean the run coloured-001?" in refusal(capsys, "coloured-01")
    assert "no summary of a series" in refusal(capsys, "folds.json")
    for name in (".", "", "/"):
        assert "error:" in refusal(capsys, name)
    assert "Name the page: -o x.html" in refusal(capsys, "coloured-001", "-o", "x.csv")
    (project.runs / "coloured-002" / "best.pt").unlink()
    assert "1 of 3 checkpoints is not there any more" in refusal(capsys, "coloured.folds")
    (project.root / "data" / "coloured" / photo_name(3)).unlink()
    assert photo_name(3) in refusal(capsys, "coloured-001")


def test_a_changed_split_file_is_noticed(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((project.root / "folds.json").read_text())
    content["folds"] = content["folds"][1:] + content["folds"][:1]
    (project.root / "folds.json").write_text(json.dumps(content))
    assert "was trained on 4 of the 4 validation images" in refusal(capsys, "coloured-001")


def test_cleanlab_is_an_extra(
    project: Project, wrong: WrongLabels, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        import cleanlab  # noqa: F401
    except ImportError:
        told = refusal(capsys, "coloured.folds", "--by", "cleanlab")
        assert 'pip install "trash-toolkit[suspects]"' in told
        return
    found = suspects(capsys, "coloured.folds", "--by", "cleanlab")
    named = [(each["image"], each["annotation"]) for each in found["suspects"]]
    assert {wrong.swapped, wrong.extra} <= set(named)
    assert named.index(wrong.swapped) < 3
