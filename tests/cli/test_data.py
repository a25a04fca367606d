from __future__ import annotations

import inspect
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from toolkit.cli.data import demo
from toolkit.cli.main import run
from toolkit.recipe.schema import Demo


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Six images of 8 x 8 pixels, one square of one of two classes in each."""
    images = [{"id": row, "file_name": f"{row}.png", "width": 8, "height": 8} for row in range(6)]
    annotations = [
        {
            "id": row,
            "image_id": row,
            "category_id": row % 2,
            "segmentation": [[1, 1, 5, 1, 5, 5, 1, 5]],
        }
        for row in range(6)
    ]
    categories = [{"id": 0, "name": "paper"}, {"id": 1, "name": "metal"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "train.json").write_text(json.dumps(content))
    for row in range(6):
        cv2.imwrite(str(tmp_path / f"{row}.png"), np.full((8, 8, 3), 10 * row, np.uint8))
    return tmp_path


def test_check_prints_contents_and_no_problems(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "check", str(root / "train.json")]) == 0
    out = capsys.readouterr().out
    assert "train.json: 6 images, 6 annotations" in out
    rows = [line.split() for line in out.splitlines()]
    assert ["0", "Background", "-", "-", "75.000"] in rows
    assert ["1", "paper", "3", "3", "12.500"] in rows
    assert "no problems" in out


def test_check_counts_names_and_exits_with_2(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for row in (1, 3, 4):
        (root / f"{row}.png").unlink()
    assert run(["data", "check", str(root / "train.json"), "--limit", "2"]) == 2
    out = capsys.readouterr().out
    assert "missing image" in out
    assert "1.png" in out
    assert "3.png" in out
    assert "4.png" not in out
    assert "and 1 more" in out


def test_check_prints_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "5.png").write_bytes(b"")
    assert run(["data", "check", str(root / "train.json"), "--json"]) == 2
    (report,) = json.loads(capsys.readouterr().out)
    assert report["counts"] == {"unreadable image": 1}
    assert report["problems"][0]["where"] == "5.png"
    assert [item["annotations"] for item in report["classes"]] == [0, 3, 3]


def test_one_bad_file_among_good_ones_fails(root: Path) -> None:
    (root / "bad.json").write_text("[]")
    good, bad = str(root / "train.json"), str(root / "bad.json")
    assert run(["data", "check", good, bad]) == 2
    assert run(["data", "check", bad, good]) == 2
    assert run(["data", "check", good, good]) == 0


def test_check_takes_the_images_from_another_folder(root: Path) -> None:
    moved = root / "elsewhere" / "labels.json"
    moved.parent.mkdir()
    (root / "train.json").rename(moved)
    assert run(["data", "check", str(moved)]) == 2
    assert run(["data", "check", str(moved), "--data", str(root)]) == 0


def test_check_of_a_folder_names_the_files_in_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["data", "check", str(root)]) == 2
    shown = capsys.readouterr().err
    assert "is a folder, not an annotation file" in shown
    assert "It holds train.json." in shown


def test_check_takes_the_name_of_a_recipe(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "recipes").mkdir()
    recipe = '[data]\nroot = "."\n[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    (root / "recipes" / "mine.toml").write_text(recipe)
    monkeypatch.chdir(root)
    assert run(["data", "check", "mine"]) == 0
    assert "train.json: 6 images" in capsys.readouterr().out
    assert run(["data", "check", "mien"]) == 2
    assert "Did you mean recipes/mine.toml?" in capsys.readouterr().err


def test_check_of_a_broken_file_says_so(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "train.json").write_text("[]")
    assert run(["data", "check", str(root / "train.json")]) == 2
    assert "not a COCO file" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["check"], ["split", "-o", "folds.json"]])
def test_a_file_that_is_not_there_is_told_with_the_near_one(
    root: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert run(["data", *command, str(root / "trian.json")]) == 2
    captured = capsys.readouterr()
    assert f"error: {root / 'trian.json'} not found" in captured.err
    assert "Did you mean train.json?" in captured.err
    assert captured.out == ""


def test_a_file_of_a_recipe_that_is_not_there_is_missing_not_empty(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    Path("recipes").mkdir()
    Path("recipes/a.toml").write_text(
        f'model.name = "unet"\nloss.name = "ce"\ndata.root = "{root}"\ndata.val = "trainn.json"\n'
    )
    assert run(["data", "check", "a"]) == 2
    out = capsys.readouterr().out
    assert "error: missing file (1)" in out
    assert "trainn.json not found. Did you mean train.json?" in out
    assert "0 images" not in out


def test_split_writes_a_file_and_shows_the_folds(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = root / "folds.json"
    command = ["data", "split", str(root / "train.json"), "--folds", "3", "-o", str(output)]
    assert run(command) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert ["any", "class", "2", "2", "2"] in rows
    assert ["paper", "1", "1", "1"] in rows
    assert out.splitlines()[-1] == str(output)
    first = output.read_bytes()
    assert run([*command, "--json"]) == 0
    assert output.read_bytes() == first
    shown = json.loads(capsys.readouterr().out)
    assert shown["folds"][0] == {"images": 2, "images_of": {"paper": 1, "metal": 1}}
    assert not shown["written"]


def test_split_keeps_copies_together_and_other_folds_as_they_are(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [each["file_name"] for each in json.loads((root / "train.json").read_text())["images"]]
    (root / names[5]).write_bytes((root / names[0]).read_bytes())
    (root / names[1]).unlink()
    output = root / "folds.json"
    command = ["data", "split", str(root / "train.json"), "--folds", "2", "-o", str(output)]
    assert run(command) == 0
    err = capsys.readouterr().err
    assert "2 images are copies of 1 photo: copies are kept in one fold" in err
    assert "1 of 6 photos are not under" in err
    folds = json.loads(output.read_text())["folds"]
    assert sum({names[0], names[5]} <= set(fold) for fold in folds) == 1
    assert run([*command, "--seed", "1"]) == 2
    assert "is there already, with other content" in capsys.readouterr().err
    assert json.loads(output.read_text())["folds"] == folds
    assert run(command) == 0
    assert "unchanged" in capsys.readouterr().err
    assert run([*command, "--seed", "1", "--force"]) == 0


def test_split_refuses_more_folds_than_images(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = root / "folds.json"
    assert run(["data", "split", str(root / "train.json"), "--folds", "7", "-o", str(output)]) == 2
    assert "cannot divide 6 images" in capsys.readouterr().err
    assert not output.exists()


def test_demo_is_written_and_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "demo"
    sizes = ["--train", "4", "--val", "2", "--test", "2", "--size", "48"]
    assert run(["data", "demo", str(folder), *sizes, "--seed", "5"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    assert run(["data", "check", str(folder / "train.json")]) == 0
    assert run(["data", "demo", str(folder), "--size", "5"]) == 2


def test_demo_has_the_defaults_of_a_recipe() -> None:
    parameters = inspect.signature(demo.demo).parameters
    defaults = Demo().model_dump(exclude={"classes"})  # own names are for --smoke
    assert {name: parameters[name].default for name in defaults} == defaults
