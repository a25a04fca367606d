from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.recipe.small_recipe import RECIPE


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes" / "base").mkdir(parents=True)
    (tmp_path / "recipes" / "mine.toml").write_text(RECIPE)
    (tmp_path / "recipes" / "base" / "part.toml").write_text("[train]\nepochs = 2\n")
    return tmp_path
