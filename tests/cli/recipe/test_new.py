from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.main import run


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
