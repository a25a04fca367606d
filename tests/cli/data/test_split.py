from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.main import run


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


def test_split_keeps_groups_together_and_says_so(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((root / "train.json").read_text())
    for row, image in enumerate(content["images"]):
        image["scene_id"] = max(0, row - 2)  # 0 0 0 1 2 3
    (root / "train.json").write_text(json.dumps(content))
    output = root / "folds.json"
    command = ["data", "split", str(root / "train.json"), "-o", str(output), "--groups"]
    assert run([*command, "key:scene_id", "--folds", "3"]) == 0
    shown = capsys.readouterr()
    assert "6 images in 4 groups (key:scene_id) of 1 to 3 each" in shown.err
    assert "1 group is larger than a fold should be, 2 images: 0 (3)" in shown.err
    assert ["(groups)", "1", "1", "2"] in [sorted(row.split()) for row in shown.out.splitlines()]
    written = json.loads(output.read_text())
    assert ["0.png", "1.png", "2.png"] in written["folds"]
    assert written["groups"]["rule"] == "key:scene_id"
    assert run([*command, "key:scene_id", "--folds", "3", "--json"]) == 0
    folds = json.loads(capsys.readouterr().out)["folds"]
    assert sorted(fold["groups"] for fold in folds) == [1, 1, 2]
    before = output.read_bytes()
    for rule, said in (
        ("key:scene", "6 of 6 images have no text or integer 'scene'"),
        ("name:^a(.)", "6 of 6 images do not match ^a(.): 0.png, 1.png"),
        ("folder", "cannot divide 6 images in 1 group (folder)"),
        ("scenes", "--groups scenes is no rule for groups"),
    ):
        assert run([*command, rule, "--folds", "3", "--force"]) == 2
        assert said in capsys.readouterr().err
    assert output.read_bytes() == before


def test_keys_are_those_of_the_file_wherever_its_photos_are(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = json.loads((root / "train.json").read_text())
    (root / "photos").mkdir()
    for row, image in enumerate(content["images"]):
        image["scene_id"] = row // 2
        (root / image["file_name"]).rename(root / "photos" / image["file_name"])
    (root / "train.json").write_text(json.dumps(content))
    (root / "r.toml").write_text(
        f'[data]\nroot = "{root}"\nval = "val.json"\n'
        'format = {name = "builtin:coco", photos = "photos"}\n'
        '[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
    monkeypatch.chdir(root)
    command = ["data", "split", str(root / "r.toml"), "--folds", "3", "-o", "folds.json"]
    assert run([*command, "--groups", "key:scene_id"]) == 0
    assert "6 images in 3 groups (key:scene_id) of 2 each" in capsys.readouterr().err
    written = json.loads((root / "folds.json").read_text())
    assert ["photos/0.png", "photos/1.png"] in written["folds"]
