"""Photos with masks in groups: rules that need no JSON work, those that do say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.data.mask_pieces import stripes, write_mask
from tests.data.test_perceptual_hash import scene
from toolkit.cli.main import run
from toolkit.data.folds import read_folds


def write_recipe(camvid: Path) -> Path:
    recipe = camvid / "r.toml"
    recipe.write_text(
        f'[data]\nroot = "{camvid}"\ntrain = "train"\nval = "val"\nbackground = "Sky"\n'
        '[data.format]\nname = "masks"\nmasks = "{folder}annot/{stem}.png"\nignore = [255]\n'
        "values = {Sky = 0, Road = 1, Car = [2, 3]}\n"
        '[model]\nname = "unet"\n[loss]\nname = "ce"\n'
    )
    return recipe


def test_photos_with_masks_are_divided_in_groups(
    camvid: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, shown in (("a1", scene(1)), ("a2", scene(2)), ("b1", scene(1)[:, ::-1])):
        Image.fromarray(shown).resize((8, 6), Image.Resampling.BOX).save(
            camvid / "train" / f"{name}.png"
        )
        write_mask(camvid / "trainannot" / f"{name}.png", stripes([0, 1]))
    command = ["data", "split", str(write_recipe(camvid)), "--folds", "2", "--groups"]
    for rule, together in (("name:/(.)", {"a", "a1", "a2"}), ("near-duplicates", {"a1", "b1"})):
        output = tmp_path / f"{rule[:4]}.json"
        assert run([*command, rule, "-o", str(output)]) == 0, capsys.readouterr().err
        folds = json.loads(output.read_text())["folds"]
        paths = {f"train/{name}.png" for name in together}
        assert any(paths <= set(names) for names in folds)
        read_folds(output, camvid / "train", [name for names in folds for name in names])
    capsys.readouterr()

    def fail(*_: object) -> None:
        raise AssertionError("masks were looked at first")

    monkeypatch.setattr("toolkit.data.annotation_sets.with_masks", fail)
    assert run([*command, "key:scene_id", "-o", str(tmp_path / "keys.json")]) == 2
    told = capsys.readouterr().err
    assert (
        "--groups key:scene_id needs COCO JSON, whose images have keys; data.format is masks"
        in (" ".join(told.split()))
    )
    assert "Rules for all formats: folder, name:EXPRESSION, near-duplicates." in told
    assert not (tmp_path / "keys.json").exists()
