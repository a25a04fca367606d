from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cli.recipe.small_recipe import RECIPE
from toolkit.cli.main import run
from toolkit.plugin.kinds import KINDS


def test_new_then_check(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "new", "mine", "--kind", "loss"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["plugins/mine.py", "tests/plugins/test_mine.py"]
    assert "trash plugin check mine" in captured.err
    assert run(["plugin", "check", "mine"]) == 0


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"selector"}))
def test_the_command_to_try_a_new_component_can_be_pasted(
    team: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    (team / "recipes" / "first.toml").write_text(RECIPE)
    assert run(["plugin", "new", "mine", "--kind", kind]) == 0
    *_, told = capsys.readouterr().err.splitlines()
    label, command = told.split(maxsplit=2)[:2], told.split(maxsplit=2)[2]
    assert label == ["try", "it:"]
    words = shlex.split(command)
    assert words[:5] == ["trash", "recipe", "run", "first", "--smoke"]
    options = words[5:]
    assert run(["recipe", "check", "first", "--names-only", *options]) == 0
    assert run(["recipe", "show", "first", *options]) == 0
    assert '"mine"' in capsys.readouterr().out


def test_new_refuses_a_bad_name(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "new", "My-Loss", "--kind", "loss"]) == 2
    assert "Did you mean my_loss?" in capsys.readouterr().err
