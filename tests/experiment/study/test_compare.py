from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.experiment.study.run import short_names
from toolkit.experiment.study.scores import SeedScores, StudyRow, gain, spread, within_noise
from toolkit.experiment.study.table import class_table, table
from toolkit.project import Project


@pytest.fixture
def pair(project: Project) -> Project:
    slow = 'extends = "tiny.toml"\ntitle = "Slow"\n[optimizer]\nname = "sgd"\nlr = 1e-4\n'
    (project.recipes / "slow.toml").write_text(slow)
    return project


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    assert run(["recipe", "compare", *words, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rows"]
    return found


def _result(project: Project, name: str) -> dict[str, Any]:
    manifest = json.loads((project.runs / name / "manifest.json").read_text())
    result: dict[str, Any] = manifest["result"]
    return result


def test_every_recipe_runs_with_every_seed_and_only_once(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = _json(capsys, "tiny", "slow", "--seeds", "1,2")
    names = ["tiny-001", "slow-001", "tiny-002", "slow-002"]
    assert {path.name for path in pair.runs.iterdir() if path.is_dir()} == set(names)
    assert [outcome["run"] for outcome in first["outcomes"]] == names[::2]
    for compared in (first, second):
        for seed, outcome in enumerate(compared["outcomes"], start=1):
            result = _result(pair, outcome["run"])
            assert outcome["seed"] == seed
            assert outcome["test"] == result["submission"]["score"]["mean_iou"]
            assert outcome["validation"] == result["scores"]["val_miou"]
    before = sorted(path.stat().st_mtime_ns for path in pair.runs.glob("*/*"))
    again = _json(capsys, "tiny", "slow", "--seeds", "2,1")
    assert sorted(path.stat().st_mtime_ns for path in pair.runs.glob("*/*")) == before
    assert again[0]["outcomes"] == first["outcomes"][::-1]


def test_what_changed_is_run_again(pair: Project, capsys: pytest.CaptureFixture[str]) -> None:
    _json(capsys, "tiny", "--seeds", "1")
    _json(capsys, "tiny", "--seeds", "1", "--set", "train.epochs=1")
    assert len(list(pair.runs.glob("*/"))) == 2
    plugin = pair.plugins / "lab.py"
    plugin.write_text(plugin.read_text() + "\n# changed\n")
    _json(capsys, "tiny", "--seeds", "1")
    assert len(list(pair.runs.glob("*/"))) == 3


def test_an_interrupted_comparison_goes_on_where_it_was(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (pair.root / "fail").touch()
    assert run(["recipe", "compare", "tiny", "--seeds", "1,2"]) == 1
    (pair.root / "fail").unlink()
    found = _json(capsys, "tiny", "--seeds", "1,2")
    assert [outcome["run"] for outcome in found[0]["outcomes"]] == ["tiny-001", "tiny-002"]


def test_a_folder_stands_for_its_recipes(pair: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["recipe", "compare", "tiny", "recipes", "--seeds", "1", "--markdown"]) == 0
    printed = capsys.readouterr()
    assert "one seed tells nothing of the noise between seeds: name several" in printed.err
    assert "standard error" not in printed.err
    lines = printed.out.splitlines()
    assert lines[0].startswith("| variant | runs | test mIoU | validation mIoU | test gain over ti")
    assert lines[0].endswith("tiny | 95 % over images | time |")
    assert {line.split(" | ")[0] for line in lines[2:]} == {
        "| slow",
        "| tiny",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny", "--seeds", "1;2"], "--seeds 1;2: not numbers"),
        (["tiny", "--seeds", "1,1"], "the same seed is named twice"),
        (["tiny", "tinyy", "--seeds", "1"], "there is no recipe tinyy"),
        (["plugins", "--seeds", "1"], "no recipes in the folder plugins"),
        (["tiny", "--seeds", "1", "--set", "train.epoch=1"], "train.epochs"),
    ],
)
def test_a_mistake_stops_before_anything_runs(
    pair: Project, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(["recipe", "compare", *words]) == 2
    assert message in capsys.readouterr().err
    assert not pair.runs.exists()


def _compared(name: str, tests: list[float], iou: list[tuple[float, ...]]) -> StudyRow:
    outcomes = tuple(
        SeedScores(seed, f"{name}-{seed}", test + 0.1, test, classes)
        for seed, (test, classes) in enumerate(zip(tests, iou, strict=True))
    )
    return StudyRow(name, name, name, ("a", "b"), "miou", True, outcomes)


def test_the_table_has_means_spreads_and_gains_seed_by_seed() -> None:
    nan = math.nan
    base = _compared("base", [0.2, 0.4, 0.6], [(0.1, nan), (0.2, 0.5), (0.3, 0.7)])
    better = _compared("better", [0.3, 0.5, 0.8], [(0.5, nan)] * 3)
    columns, rows = table([base, better], per_class=True)
    assert columns == [
        "variant",
        "runs",
        "test mIoU",
        "validation mIoU",
        "test gain over base",
        "a",
        "b",
    ]
    assert [row[0] for row in rows] == ["better", "base"]
    gains = [0.1, 0.1, 0.2]
    assert rows[0][4] == f"{mean(gains):.4f} ± {stdev(gains):.4f}"
    assert rows[1][2:5] == ["0.4000 ± 0.2000", "0.5000 ± 0.2000", "-"]
    assert rows[1][5:] == ["0.2000 ± 0.1000", f"0.6000 ± {stdev([0.5, 0.7]):.4f}"]
    assert rows[0][6] == "-"
    assert str(gain(better, base)) == rows[0][4]
    columns, rows = class_table([base, better])
    assert columns == ["IoU of the class", "better", "base"]
    assert rows[0] == ["a", "0.5000 ± 0.0000", "0.2000 ± 0.1000"]
    assert [row[:2] for row in rows[1:]] == [["b", "-"]]


def test_recipes_of_one_name_are_told_apart_by_their_folders() -> None:
    assert short_names([Path("a/x.toml"), Path("a/y.toml")]) == ["x", "y"]
    assert short_names([Path("a/x.toml"), Path("b/x.toml")]) == ["a/x.toml", "b/x.toml"]


def test_a_single_figure_has_no_spread() -> None:
    assert str(spread([0.5])) == "0.5000"
    assert str(spread([None])) == "-"


def test_a_comparison_of_broken_recipes_names_them(
    pair: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(pair.recipes / "slow.toml").write_text('extends = "tiny.toml"\n[loss]\nname = "cee"\n')
    assert run(["recipe", "compare", "tiny", "slow", "--seeds", "1"]) == 2
    assert "slow.toml:3" in capsys.readouterr().err


def test_a_gain_is_noise_within_two_standard_errors() -> None:
    base = _compared("base", [0.2, 0.4, 0.6], [(0.1, 0.2)] * 3)
    for gains, expected in (
        ((0.1, 0.1, 0.11), False),
        ((0.1, -0.1, 0.05), True),
        ((0.0, 0.0, 0.0), True),
        ((-0.1, -0.1, -0.11), False),
    ):
        tests = [score + gain for score, gain in zip((0.2, 0.4, 0.6), gains, strict=True)]
        assert within_noise(_compared("other", tests, [(0.1, 0.2)] * 3), base) is expected
    single = _compared("one", [0.2], [(0.1, 0.2)])
    assert within_noise(_compared("two", [0.9], [(0.1, 0.2)]), single)
