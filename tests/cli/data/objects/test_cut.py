from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.objects.object_bank import ObjectStore

Capture = pytest.CaptureFixture[str]


def test_a_recipe_alone_is_cut(recipe: Path, capsys: Capture) -> None:
    assert run(["data", "objects", "mixed"]) == 0
    first = capsys.readouterr().out
    lines = first.splitlines()
    assert lines[0].split() == ["class", "objects", "images", "smallest", "median", "largest"]
    bank = ObjectStore(Path(lines[-1]).resolve())
    assert bank.folder.parent == recipe.parents[1] / ".trash" / "objects"
    row = lines[1].split()
    label = bank.class_names.index(row[0])
    objects = [bank.index.objects[position] for position in bank.of(label)]
    areas = sorted(each.area for each in objects)
    assert row[1:] == [
        str(len(objects)),
        str(len({each.source for each in objects})),
        str(areas[0]),
        str(round((areas[(len(areas) - 1) // 2] + areas[len(areas) // 2]) / 2)),
        str(areas[-1]),
    ]
    assert f"{len(bank)} objects of {len(bank.index.sources)} images" in lines[-2]
    assert run(["data", "objects", "cut", str(recipe)]) == 0
    assert capsys.readouterr().out == first


def test_the_result_is_also_json(recipe: Path, capsys: Capture) -> None:
    assert run(["data", "objects", "--json", str(recipe)]) == 0
    found = json.loads(capsys.readouterr().out)
    bank = ObjectStore(Path(found["folder"]))
    assert (
        found["objects"] == len(bank) == sum(each["objects"] for each in found["classes"].values())
    )
    assert found["bytes"] == sum(path.stat().st_size for path in bank.folder.iterdir())
    assert set(found["classes"]) == {bank.class_names[label] for label in bank.labels}


def test_a_written_bank_can_be_named_by_a_recipe(
    recipe: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert run(["data", "objects", str(recipe), "-o", "bank"]) == 0
    capsys.readouterr()
    assert run(["data", "objects", str(recipe), "-o", "bank"]) == 2
    assert "-o bank exists" in capsys.readouterr().err
    assert not (tmp_path / ".trash" / "objects").exists()  # what is known of photos may be kept
    text = recipe.read_text()
    recipe.write_text(text + 'bank = "bank"\n')
    assert run(["data", "objects", str(recipe)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "bank"
    # What was training data there is validation data here.
    swapped = text.replace('val = "val.json"', 'train = "val.json"\nval = "train.json"')
    recipe.write_text(swapped + 'bank = "bank"\n')
    assert run(["data", "objects", str(recipe)]) == 2
    error = capsys.readouterr().err
    assert "val images" in error
    assert ObjectStore(tmp_path / "bank")[0].file_name in error


def test_a_mistaken_word_is_taken_for_a_recipe(recipe: Path, capsys: Capture) -> None:
    assert run(["data", "objects", "mixd"]) == 2
    assert "mixed" in capsys.readouterr().err


def test_the_help_tells_both_commands(recipe: Path, capsys: Capture) -> None:
    assert run(["data", "objects", "--help"]) == 0
    text = capsys.readouterr().out
    assert "cut" in text
    assert "show" in text
