from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.cli.main import run
from toolkit.data.masks import paint_mask
from toolkit.files import file_digest
from toolkit.formats.mask_string import MaskString
from toolkit.plugin.component import ComponentSpec
from toolkit.recipe.schema import Data
from toolkit.submission.side_car import SideCar, write_side_car
from toolkit.submission.spec import truth_split

SIZE = (32, 32)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def truth(demo_root: Path) -> dict[str, NDArray[np.uint8]]:
    """What the hidden truth of the demo contest says."""
    split = truth_split(demo_root / "test_truth.json", Data())
    return {
        record.file_name: paint_mask(record, split.labels, split.overlap, split.ignore_index)
        for record in split.images
    }


@pytest.fixture
def submission(project: Path, truth: dict[str, NDArray[np.uint8]]) -> Path:
    path = project / "a.csv"
    with path.open("wb") as file:
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, truth.items())
    return path


def write_recipe(project: Path, demo_root: Path, size: tuple[int, int] = SIZE) -> None:
    (project / "recipes" / "demo.toml").write_text(
        f"""
[data]
root = "{demo_root.as_posix()}"
test = "test.json"
[model]
name = "unet"
[loss]
name = "cross_entropy"
[submission]
name = "mask_string"
size = [{size[0]}, {size[1]}]
"""
    )


def add_side_car(path: Path, demo_root: Path) -> None:
    split = truth_split(demo_root / "test_truth.json", Data())
    write_side_car(
        path,
        SideCar(
            file=path.name,
            digest=file_digest(path),
            n_rows=5,
            format=ComponentSpec(name="mask_string", size=list(SIZE)),  # type: ignore[call-arg]
            test=str(demo_root / "test.json"),
            sample_submission=None,
            class_names=split.labels.class_names,
            overlap="max-id",
            class_shares=(),
            members=(),
            combine=ComponentSpec(name="mean"),
            postprocess=(),
            validation=None,
            score=None,
            created="2026-11-02T10:00:00+00:00",
            command="",
            versions={},
        ),
    )


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
    assert f"1 of 5 images have no row: {second.split(',')[0]}" in captured.out
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
        (["--size", "32x32"], "--sample and --size go with --test"),
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


def test_check_of_a_missing_file(demo_root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["submission", "check", "b.csv", "--test", str(demo_root / "test.json")]) == 2
    assert "submission file not found: b.csv" in capsys.readouterr().err


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
    assert lines[1].split() == ["mIoU", "1.0000"]

    with submission.open("wb") as file:
        wrong = {name: np.zeros_like(labels) for name, labels in truth.items()}
        MaskString(SIZE, ("image_id", "PredictionString"), 12).write(file, wrong.items())
    add_side_car(submission, demo_root)
    assert run([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    background = np.mean([labels[::2, ::2] == 0 for labels in truth.values()])
    assert result["iou"]["Background"] == pytest.approx(background)
    assert result["foreground_iou"] == 0


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
    assert capsys.readouterr().out.splitlines()[1].split() == ["mIoU", "1.0000"]
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


def test_no_torch_is_imported(submission: Path, demo_root: Path) -> None:
    add_side_car(submission, demo_root)
    code = (
        "import sys; from toolkit.cli.main import run; code = run(['submission', 'check', 'a.csv']);"
        "sys.exit('torch' in sys.modules or code)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_folder_is_no_submission(
    project: Path, capsys: pytest.CaptureFixture[str], demo_root: Path
) -> None:
    for path in (".", ""):
        assert run(["submission", "check", path]) == 2
        assert ". is a folder, not a submission file" in capsys.readouterr().err
        truth = str(demo_root / "test_truth.json")
        assert run(["submission", "score", path, "--truth", truth]) == 2
        assert ". is a folder, not a submission file" in capsys.readouterr().err
