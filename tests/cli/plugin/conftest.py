from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.plugin.tiny_plugin import TINY


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, as the working folder."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "plugins").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tiny(team: Path) -> Path:
    path = team / "plugins" / "tiny.py"
    path.write_text(TINY.replace("BODY", "probabilities.copy()"))
    return path
