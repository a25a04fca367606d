from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.cli.submission.demo_files import SIZE, add_side_car, write_recipe
from toolkit.cli.main import run
from toolkit.formats.mask_string import MaskString


def test_score(
    submission: Path,
    project: Path,
    demo_root: Path,
    truth: dict[str, NDArray[np.uint8]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["submission", "score", "a.csv", "--truth", str(demo_root / "test_truth.json")]
    assert run([*command, "--size", "32x32", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["mean_iou"] == 1
    assert result["iou"]["Background"] == 1

    write_recipe(project, demo_root)
    assert run([*command, "--recipe", "demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["mIoU", "1.0000", "0.0000"]

    with submission.open("wb") as file:
        wrong = {name: np.zeros_like(labels) for name, labels in truth.items()}
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, wrong.items())
    add_side_car(submission, demo_root)
    assert run([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    background = np.mean([labels[::2, ::2] == 0 for labels in truth.values()])
    assert result["iou"]["Background"] == pytest.approx(background)
    assert result["foreground_iou"] == 0


@pytest.mark.parametrize(
    ("metric", "shown"),
    [("image_dice", "image_dice"), ('dice:classes=["Paper"]', 'dice:classes=["Paper"]')],
)
def test_the_metric_that_decides_is_shown_first_and_all_beside_it(
    submission: Path,
    demo_root: Path,
    capsys: pytest.CaptureFixture[str],
    metric: str,
    shown: str,
) -> None:
    truth = ["--truth", str(demo_root / "test_truth.json"), "--size", "32x32"]
    command = ["submission", "score", "a.csv", *truth, "--metric", metric]
    assert run(command) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == [shown, "1.0000", "0.0000"]
    assert {"mIoU", "image_miou", "fwiou", "cohen_kappa"} <= {line[0] for line in lines[2:] if line}
    assert run([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["metric"], next(iter(result["metrics"]))) == (shown, shown)


def test_a_difference_is_told_with_its_noise(
    submission: Path,
    demo_root: Path,
    truth: dict[str, NDArray[np.uint8]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = submission.with_name("b.csv")
    with other.open("wb") as file:
        worse = {name: np.zeros_like(labels) for name, labels in truth.items()}
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, worse.items())
    options = ["--truth", str(demo_root / "test_truth.json"), "--size", "32x32"]
    for first, second, verdict in (("a.csv", "b.csv", "better"), ("b.csv", "a.csv", "worse")):
        command = ["submission", "score", first, *options, "--over", second]
        assert run(command) == 0
        last = capsys.readouterr().out.splitlines()[-1]
        assert f"{verdict} than {second} by mIoU, 95 % interval" in last
        assert "within noise" not in last
    assert run(["submission", "score", "a.csv", *options, "--over", "a.csv", "--json"]) == 0
    same = json.loads(capsys.readouterr().out)["over"]
    assert (same["score"], same["within_noise"]) == (0, True)
    assert run(["submission", "score", "b.csv", *options, "--over", "c.csv"]) == 2
    assert "c.csv" in capsys.readouterr().err


def test_a_metric_without_a_value_says_why(
    submission: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truth = json.loads((demo_root / "test_truth.json").read_text())
    absent = next(
        each["name"]
        for each in truth["categories"]
        if all(own["category_id"] != each["id"] for own in truth["annotations"])
    )
    options = ["--truth", str(demo_root / "test_truth.json"), "--size", "32x32"]
    metric = f'mean_accuracy:classes=["{absent}"]'
    assert run(["submission", "score", "a.csv", *options, "--metric", metric]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].split()[-1] == "-"
    assert f"warning: the metric {metric} has no value on" in captured.err


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        ("image_mious", "no metric is called image_mious"),
        ('dice:classes=["Papre"]', "no class called Papre"),
        ("dice:absent=skip", "absent"),
    ],
)
def test_a_wrong_metric_is_one_message(
    submission: Path,
    demo_root: Path,
    capsys: pytest.CaptureFixture[str],
    metric: str,
    message: str,
) -> None:
    truth = ["--truth", str(demo_root / "test_truth.json"), "--size", "32x32"]
    assert run(["submission", "score", "a.csv", *truth, "--metric", metric]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors


def test_a_file_is_not_read_against_its_side_car(
    submission: Path, demo_root: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_side_car(submission, demo_root)
    content = json.loads((demo_root / "test_truth.json").read_text())
    n_classes = len(content["categories"])
    for part, key in (("categories", "id"), ("annotations", "category_id")):
        for each in content[part]:
            each[key] = n_classes - each[key]  # the same classes, numbered the other way round
    (project / "t.json").write_text(json.dumps(content))
    score = ["submission", "score", "a.csv", "--truth", "t.json"]
    assert run(score) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["mIoU", "1.0000", "0.0000"]
    test = ["--test", "t.json", "--size", "32x32"]
    for command in ([*score, "--size", "32x32"], ["submission", "check", "a.csv", *test]):
        assert run(command) == 2
        assert "a.csv was written with the classes Background, " in capsys.readouterr().err
    side_car = json.loads((project / "a.json").read_text())
    side_car["format"]["nearest"] = "centre"
    (project / "a.json").write_text(json.dumps(side_car))
    truth = ["--truth", str(demo_root / "test_truth.json")]
    assert run(["submission", "score", "a.csv", *truth, "--size", "32x32"]) == 2
    assert "a.csv was written with nearest = 'centre'" in capsys.readouterr().err


def test_a_truth_without_outlines_scores_nothing_unless_they_are_skipped(
    submission: Path, demo_root: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((demo_root / "test_truth.json").read_text())
    content["annotations"][0]["segmentation"] = []
    (project / "t.json").write_text(json.dumps(content))
    command = ["submission", "score", "a.csv", "--truth", "t.json", "--size", "32x32"]
    assert run(command) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "cover no pixel" in printed.err
    assert "--on-empty skip" in printed.err
    assert run([*command, "--on-empty", "skip"]) == 0
    assert "they are left out" in capsys.readouterr().err


def test_score_of_a_broken_file(
    submission: Path, demo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submission.write_bytes(submission.read_bytes()[:-1])
    command = ["submission", "score", "a.csv", "--truth", str(demo_root / "test_truth.json")]
    assert run([*command, "--size", "32x32"]) == 2
    captured = capsys.readouterr()
    assert "row 6: no line end after the last row" in captured.err
    assert captured.out == ""
