from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from toolkit.cli.main import run

RECIPE = '# What: a test\ntitle = "A test"\n[data]\nval = "val.json"\n[model]\nname = "unet"\nencoder = "resnet18"\n[loss]\nname = "ce"\n[reference]\npublic = 0.7147\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes" / "base").mkdir(parents=True)
    (tmp_path / "recipes" / "mine.toml").write_text(RECIPE)
    (tmp_path / "recipes" / "base" / "part.toml").write_text("[train]\nepochs = 2\n")
    return tmp_path


def test_list_shows_recipes_with_reference_scores_but_not_bases(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "list"]) == 0
    out = capsys.readouterr().out
    heading, row = out.splitlines()
    assert heading == "recipes"
    assert " ".join(row.split()) == "mine A test; unet resnet18, ce; public 0.7147"
    assert run(["recipe", "list", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["title"] == "A test"


def test_list_finds_words_in_paths_titles_and_components(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes" / "kim").mkdir()
    other = 'extends = "../mine.toml"\ntitle = "Other"\n[loss]\nname = "focal"\n'
    (project / "recipes" / "kim" / "other.toml").write_text(other)
    found = {
        words: [row["path"] for row in _listed(capsys, *words.split())]
        for words in ("kim", "OTHER focal", "resnet18", "mine")
    }
    mine, kim = "recipes/mine.toml", "recipes/kim/other.toml"
    assert found == {"kim": [kim], "OTHER focal": [kim], "resnet18": [mine, kim], "mine": [mine]}
    assert run(["recipe", "list", "nothing"]) == 2
    assert "no recipe has nothing in its path" in capsys.readouterr().err


def _listed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict[str, str]]:
    assert run(["recipe", "list", *words, "--json"]) == 0
    rows: list[dict[str, str]] = json.loads(capsys.readouterr().out)
    return rows


def test_a_broken_recipe_does_not_hide_the_others(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes" / "broken.toml").write_text("title = ")
    assert run(["recipe", "list"]) == 0
    captured = capsys.readouterr()
    assert "  mine " in captured.out
    assert "recipes/broken.toml:1: not valid TOML" in captured.err


def test_check_goes_on_after_a_wrong_recipe_and_exits_2(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes" / "wrong.toml").write_text(RECIPE.replace('"ce"', '"cee"'))
    assert run(["recipe", "check", "wrong", "mine", "--names-only"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "recipes/mine.toml: ok\n"
    assert "recipes/wrong.toml:9  loss.name" in captured.err
    assert "no loss is called cee. Did you mean ce?" in captured.err
    assert "Traceback" not in captured.err


def test_show_prints_toml_and_json_and_origins(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "show", "mine", "--set", "train.epochs=3"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["train"]["epochs"] == 3
    assert run(["recipe", "show", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["weights"] == "none"
    assert run(["recipe", "show", "mine", "--origin"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["loss.name", '"ce"', "recipes/mine.toml:9"] in rows


def test_new_writes_recipes_that_pass_the_check(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "new", "group/whole"]) == 0
    assert run(["recipe", "new", "child", "--extends", "mine", "--author", "Kim"]) == 0
    assert capsys.readouterr().out.split() == ["recipes/group/whole.toml", "recipes/child.toml"]
    text = (project / "recipes" / "child.toml").read_text()
    assert text.startswith("# What:")
    assert "# Who:  Kim" in text
    assert 'extends = "mine.toml"' in text
    assert run(["recipe", "check", "--names-only", "whole", "child"]) == 0
    assert run(["recipe", "new", "child"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["recipe", "new", "../outside"]) == 2
    assert not (project / "outside.toml").exists()


def test_the_schema_knows_every_component(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "schema", "-o", "schema.json"]) == 0
    schema = json.loads((project / "schema.json").read_text())
    names = {
        name
        for option in schema["definitions"]["component.loss"]["anyOf"]
        for name in option["properties"]["name"]["enum"]
    }
    assert {"ce", "dice_ce", "builtin:dice_ce"} <= names
    one_of = next(
        option
        for option in schema["definitions"]["component.augmentation"]["anyOf"]
        if option["title"] == "one_of"
    )
    assert one_of["properties"]["of"]["items"] == {"$ref": "#/definitions/component.augmentation"}
    assert schema["properties"]["model"]["$ref"] == "#/definitions/component.model"
    auxiliary = schema["definitions"]["Auxiliary"]["properties"]
    assert auxiliary["loss"] == {"$ref": "#/definitions/component.loss"}
    mix = schema["definitions"]["Augment"]["properties"]["mix"]
    assert mix["items"] == {"$ref": "#/definitions/component.mix"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["recipe", "show", "mnie"], "Did you mean recipes/mine.toml?"),
        (["recipe", "show", "mine", "--set", "train.epoch=3"], "Did you mean train.epochs?"),
        (["recipe", "show", "mine", "--set", "x"], "write key=value"),
        (["recipe", "run", "mine"], "data"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.out == ""
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("command", ["check", "show", "run"])
def test_wrong_keys_and_wrong_components_come_in_one_report(
    project: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    text = RECIPE.replace('"ce"', '"dice_ec"') + "[train]\nepoch = 3\n[[augment.train]]\nname = 3\n"
    (project / "recipes" / "wrong.toml").write_text(text)
    assert run(["recipe", command, "wrong"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: recipes/wrong.toml has 3 mistakes",
        "  recipes/wrong.toml:9  loss.name",
        "    no loss is called dice_ec. Did you mean dice_ce?",
        "  recipes/wrong.toml:13  train.epoch",
        "    unknown key. Did you mean train.epochs?",
        "  recipes/wrong.toml:15  augment.train.0.name",
        '    must be a valid string, not 3. Write "3" with quotes',
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "data.image_size=64",
            "data.image_size\n    must be an array, not 64. Write [64, 64] (height, width)",
        ),
        (
            "data.classes=Paper",
            'data.classes\n    must be an array, not "Paper". Write ["Paper"]',
        ),
        (
            "trackers+=csv",
            'trackers.0\n    must be a table, not "csv". Write [[trackers]], then name = "csv" below it',
        ),
        (
            "postprocess=dense_crf",
            'postprocess\n    must be an array, not "dense_crf". '
            'Write [[postprocess]], then name = "dense_crf" below it',
        ),
        (
            'loss="ce"',
            'loss\n    must be a table, not "ce". Write [loss], then name = "ce" below it',
        ),
        (
            "objects=3",
            "objects\n    must be a table, not 3. Write [objects], then its keys below it",
        ),
        ('train.epochs="3"', 'train.epochs\n    must be a valid integer, not "3". Write 3 without'),
        ('train.compile="true"', "Write true without quotes"),
        (
            "submission.size=64",
            'submission.name\n    is required. Without this table it is submission.name = "mask_string"',
        ),
        (
            'optimizer={name="adamw", betas=0.5}',
            "optimizer.betas\n    must be an array, not 0.5. Write [0.5, 0.5]",
        ),
        ("lr=3", "lr\n    unknown key. Did you mean optimizer.lr?"),
        ("train.lr=3", "train.lr\n    unknown key. Did you mean optimizer.lr?"),
        ("encoder=resnet18", "encoder\n    unknown key. Did you mean model.encoder?"),
    ],
)
def test_a_value_of_the_wrong_type_gets_what_to_write(
    project: Path, capsys: pytest.CaptureFixture[str], value: str, expected: str
) -> None:
    assert run(["recipe", "check", "mine", "--names-only", "--set", value]) == 2
    assert expected in capsys.readouterr().err
