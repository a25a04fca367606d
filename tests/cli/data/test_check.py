from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.main import run


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
