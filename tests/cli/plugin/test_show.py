from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.plugin.tiny_plugin import output
from toolkit.cli.main import run


def test_show_prints_parameters_and_place(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "show", "tiny")
    assert text.splitlines()[0] == "tiny (postprocessor, tiny)"
    assert "also called small" in text
    assert "Make nothing." in text
    assert f"{tiny}:7" in text
    assert text.splitlines()[-4:] == [
        "threshold = 0.5",
        "  lowest probability that counts (number > 0, ≤ 1)",
        "name_of  (unset)",
        "  (text)",
    ]


@pytest.mark.parametrize("width", [30, 60, 80])
def test_show_breaks_no_word_of_a_narrow_screen(
    width: int, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    long = "0123456789 " * 20
    tiny.write_text(tiny.read_text().replace("Make nothing.", f"{long}\n\n    - an item"))
    lines = [line for line in output(capsys, "show", "tiny").splitlines() if str(tiny) not in line]
    assert max(map(len, lines)) <= width
    assert "- an item" in lines
    assert " ".join(lines).count("0123456789") == 20


def test_show_as_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shown,) = json.loads(output(capsys, "show", "small", "--json"))
    assert shown["name"] == "tiny"
    assert shown["line"] == 7
    assert shown["parameters"] == [
        {
            "name": "threshold",
            "type": "number > 0, ≤ 1",
            "default": "0.5",
            "description": "lowest probability that counts.",
        },
        {"name": "name_of", "type": "text", "default": "unset", "description": ""},
    ]


def test_show_of_a_name_in_two_kinds_shows_both(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = output(capsys, "show", "hflip")
    assert "hflip (augmentation, builtin)" in both
    assert "hflip (view, builtin)" in both
    one = output(capsys, "show", "hflip", "--kind", "view")
    assert "augmentation" not in one


@pytest.mark.parametrize("component", ["dice_ce", "unet", "one_of", "sum", "cosine_restarts"])
def test_every_parameter_of_a_builtin_is_explained(
    component: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for shown in json.loads(output(capsys, "show", component, "--json")):
        assert shown["parameters"]
        assert all(parameter["description"] for parameter in shown["parameters"])


@pytest.mark.parametrize("command", ["show", "check"])
def test_an_unknown_name_gets_the_nearest(
    command: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugin", command, "dice_cee"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no component is called dice_cee" in captured.err
    assert "Did you mean dice_ce?" in captured.err


def test_a_name_whose_plugin_failed_says_why(
    team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (team / "plugins" / "mine.py").write_text("1 / 0\n")
    assert run(["plugin", "show", "mine"]) == 2
    assert "plugin mine could not be loaded: line 1: ZeroDivisionError" in capsys.readouterr().err
