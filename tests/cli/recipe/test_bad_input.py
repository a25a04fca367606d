"""What every command says of a wrong recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.recipe.small_recipe import RECIPE
from toolkit.cli.main import run


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
            'trackers.0\n    must be a table, not "csv". '
            'Write [[trackers]], then name = "csv" below it',
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
            "submission.name\n    is required. "
            'Without this table it is submission.name = "mask_string"',
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
