from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.submission.demo_files import add_side_car, write_recipe
from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


def test_check_against_a_test_json(
    submission: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["submission", "check", "a.csv", "--test", str(demo_root / "test.json")]
    assert run([*command, "--size", "32x32"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0] == "a.csv: valid, 5 rows of 32 × 32 labels"
    assert lines[1].split() == ["class", "pixels"]
    assert lines[2].split()[0] == "Background"
    assert len(lines) == 2 + 12
    assert captured.err == ""


def test_check_against_a_recipe(
    submission: Path, project: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_recipe(project, demo_root)
    assert run(["submission", "check", "a.csv", "--recipe", "demo"]) == 0
    assert "valid" in capsys.readouterr().out
    write_recipe(project, demo_root, size=(64, 64))
    assert run(["submission", "check", "a.csv", "--recipe", "demo"]) == 2
    assert "1,024 labels, perhaps 32 × 32; expected 4,096 (64 × 64)" in capsys.readouterr().out


def test_check_against_the_side_car(
    submission: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_side_car(submission, demo_root)
    assert run(["submission", "check", "a.csv"]) == 0
    assert capsys.readouterr().err == ""
    submission.write_bytes(submission.read_bytes().replace(b"0 0\n", b"1 0\n", 1))
    assert run(["submission", "check", "a.csv"]) == 0
    assert "a.csv was changed after its side-car was written" in capsys.readouterr().err


def test_check_shows_every_problem(
    submission: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_side_car(submission, demo_root)
    header, first, second, *rest = submission.read_text().splitlines()
    name = first.split(",")[0]
    broken = [header, first.removesuffix(" 0") + " 110", *rest]
    submission.write_text("\n".join(broken))
    assert run(["submission", "check", "a.csv"]) == 2
    captured = capsys.readouterr()
    assert name in captured.out
    assert "label 110 is outside the 12 classes (0…11)" in captured.out
    assert "no line end after the last row" in captured.out
    assert f"1 of 5 images has no row: {second.split(',')[0]}" in captured.out
    assert "a.csv is not valid: 3 problems" in captured.err


def test_check_as_json(
    submission: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_side_car(submission, demo_root)
    assert run(["submission", "check", "a.csv", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["valid"] is True
    assert report["n_rows"] == 5
    assert sum(report["class_shares"].values()) == pytest.approx(1)
    submission.write_bytes(submission.read_bytes()[:-1])
    assert run(["submission", "check", "a.csv", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["valid"] is False
    assert report["problems"][0]["row"] == 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no side-car beside a.csv says what it should hold"),
        (["--size", "32x32"], "--sample and --size need --test"),
        (["--test", "x.json", "--recipe", "y"], "give --recipe or --test, not both"),
        (["--test", "x.json", "--size", "32"], "--size 32: expected HEIGHTxWIDTH"),
        (["--test", "x.json"], "annotation file not found"),
        (["--recipe", "nothing"], "there is no recipe nothing"),
    ],
)
def test_check_with_wrong_arguments(
    submission: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["submission", "check", "a.csv", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_check_of_a_missing_file(
    project: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["submission", "check", "b.csv", "--test", str(demo_root / "test.json")]) == 2
    assert "submission file not found: b.csv" in capsys.readouterr().err


def test_check_names_earlier_files_of_the_same_labels(desk: Any, capsys: Capture) -> None:
    maps = desk.noisy(1)
    a = desk.submit("a.csv", maps)
    b = desk.submit("b.csv", maps, columns=["image", "labels"])
    desk.submit("c.csv", desk.noisy(2))
    desk.change(b, leaderboard={"public": 0.5, "private": None})
    (desk.root / b).unlink()  # a side-car alone is enough
    assert run(["submission", "check", a]) == 0
    assert capsys.readouterr().err == (
        "warning: submissions/a.csv has the same labels as submissions/b.csv (public 0.5000)\n"
    )
    d = desk.submit("d.csv", maps)
    e = desk.write("e.csv", maps)
    assert run(["submission", "check", a, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == [
        "submissions/a.csv has the same labels as submissions/b.csv (public 0.5000)",
        f"submissions/a.csv is the same file as {d}",
        f"submissions/a.csv is the same file as {e}",
    ]


def test_check_names_classes_that_vanished(desk: Any, capsys: Capture) -> None:
    maps = desk.truth()
    names = desk.class_names
    counts = np.bincount(np.concatenate([labels.ravel() for labels in maps.values()]))
    usual = (counts / counts.sum()).tolist() + [0.0] * (len(names) - len(counts))
    a = desk.submit("a.csv", maps, changes={"validation_shares": usual})
    assert run(["submission", "check", a]) == 0
    assert capsys.readouterr().err == ""
    gone = int(counts[1:].argmax()) + 1
    for labels in maps.values():
        labels[labels == gone] = 0
    a = desk.submit("a.csv", maps, changes={"validation_shares": usual})
    assert run(["submission", "check", a]) == 0
    assert f"1 class vanished: {names[gone]} 0 % of the pixels, {100 * usual[gone]:.2g} %" in (
        capsys.readouterr().err
    )


def test_a_submission_of_a_project_is_refused_outside_of_it(
    desk: Any,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    a = desk.submit("a.csv", desk.noisy(1))
    (desk.root / "recipes").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path_factory.mktemp("outside"))
    assert run(["submission", "check", str(desk.root / a)]) == 2
    err = capsys.readouterr().err
    assert "the working folder lies in no project" in err
    monkeypatch.chdir(desk.root)
    assert run(["submission", "check", a]) == 0
