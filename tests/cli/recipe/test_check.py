from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.recipe.small_recipe import RECIPE
from toolkit.cli.main import run


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
