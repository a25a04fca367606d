from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.two_checkpoints import write_checkpoint
from toolkit.cli.main import run
from toolkit.train.checkpoint import load_checkpoint

QUICK = ("--folds", "2", "--repeats", "1", "--rounds", "2")

pytestmark = pytest.mark.usefixtures("two_checkpoints")
Capture = pytest.CaptureFixture[str]


def _write_members_of_other_classes() -> None:
    """Write renamed.pt, which has another last class, and few.pt, which lacks some."""
    first = load_checkpoint(Path("a.pt"))
    names = first.class_names
    write_checkpoint(Path("renamed.pt"), (*names[:-1], "Gravel"), first.recipe, 3)
    write_checkpoint(Path("few.pt"), names[:5], first.recipe, 3)


def test_the_table_marks_one_way_and_the_last_line_submits_it(capsys: Capture) -> None:
    assert run(["ensemble", "search", "a.pt", "b.pt", *QUICK]) == 0
    printed = capsys.readouterr()
    *table, command = printed.out.splitlines()
    ways = [line.split()[-1] for line in table]
    assert {"a", "b", "greedy", "stacking", "factors"} <= set(ways)
    assert sum(line.startswith("→ ") for line in table) == 1
    assert "6 held-out images; members disagree on" in printed.err
    assert run([*shlex.split(command)[1:], "-o", "out.csv", "--no-validate"]) == 0
    assert capsys.readouterr().out == "out.csv\n"


def test_json_has_every_way_with_its_scores(capsys: Capture) -> None:
    arguments = ["a.pt", "b.pt@hflip", *QUICK, "--way", "stacking", "-o", "chosen.toml"]
    assert run(["ensemble", "search", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["images"] == 6
    assert 0 < found["contested"] <= 1
    ways = {way["name"]: way for way in found["ways"]}
    assert list(ways)[:3] == ["mean of all", "a", "b"]
    assert ways["mean of all"]["gain"] == 0
    assert [ways[name]["members"] for name in ("a", "b")] == [[0], [1]]
    assert not ways["b"]["fitted"]
    n_classes = len(load_checkpoint(Path("a.pt")).class_names)
    assert {len(way["classes"]) for way in ways.values()} == {n_classes}
    assert (found["chosen"], found["file"]) == ("stacking", "chosen.toml")
    written = tomllib.loads(Path("chosen.toml").read_text())
    assert [member["views"] for member in written["members"]] == ["none", "hflip"]
    assert written["fitted"]["what"] == "stacking"
    assert written["ensemble"] == ways["stacking"]["ensemble"]
    assert found["postprocessors"] == []


def test_one_member_is_compared_with_corrections_of_itself(capsys: Capture) -> None:
    assert run(["ensemble", "search", "a.pt", *QUICK, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["contested"] == 0
    assert found["ways"][0]["name"] == "a"
    assert {way["fitted"] for way in found["ways"][1:]} == {True}
    assert shlex.split(found["command"])[:3] == ["trash", "submit", "a.pt"]


def test_a_plain_mean_is_chosen_by_name_and_needs_no_file(capsys: Capture) -> None:
    arguments = ["a.pt", "b.pt", *QUICK, "--way", "mean of all", "-o", "mean.toml"]
    assert run(["ensemble", "search", *arguments]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1] == "trash submit --ensemble a.pt b.pt"
    assert "a plain mean needs no file: mean.toml was not written" in printed.err
    assert not Path("mean.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["a.pt", "c.pt"], "there is no checkpoint c.pt"),
        (["a.pt", "broken.pt"], "broken.pt is not a checkpoint"),
        (["a.pt", "a.pt"], "a.pt is named twice"),
        (["a.pt", "renamed.pt"], "its class list lacks Clothing and also has Gravel"),
        (["a.pt", "few.pt"], "few.pt: its class list lacks Metal, Glass"),
        (["a.pt", "b.pt", "--way", "gredy"], "--way gredy: unknown Did you mean greedy?"),
        (["a.pt", "b.pt", "--way", "b.pt"], "--way b.pt: unknown Ways: mean of all; a; b;"),
        (["a.pt@hflop", "b.pt"], "no view is called hflop Did you mean hflip?"),
        (["a.pt", "b.pt", "--views", "hflop"], "no view is called hflop Did you mean hflip?"),
        (["a.pt@", "b.pt"], "views '': not a product of views"),
        (["a.pt", "b.pt", "--store", "u9"], "--store u9: unknown"),
        (["a.pt", "b.pt", "--data", "nowhere"], "there is no folder"),
        (["a.pt", "b.pt", "--folds", "1"], "--folds"),
        (["a.pt", "b.pt", "--try", "smooth:sigma=x"], "smooth: sigma: must be a valid number"),
        (["a.pt", "b.pt", "-o", "a.pt"], "-o a.pt: a combination is a .toml file"),
    ],
)
def test_mistakes_are_one_message_and_exit_2(
    arguments: list[str], message: str, capsys: Capture
) -> None:
    _write_members_of_other_classes()
    Path("broken.pt").write_bytes(b"no checkpoint")
    assert run(["ensemble", "search", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert message in " ".join(printed.err.split())
    assert not Path("submissions").exists()
