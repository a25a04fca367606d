from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.report.team_records import Team
from toolkit.cli.main import run

RECIPE = '[data]\nval = "val.json"\n[model]\nname = "unet"\n[loss]\nname = "ce"\n'


@dataclass
class Desk:
    """A project, the working folder, and its commands."""

    root: Path
    team: Team
    capsys: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch

    def recipe(self, name: str) -> None:
        path = self.root / "recipes" / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RECIPE)

    def trash(self, *words: str, author: str = "Ann Lee") -> int:
        self.patch.setenv("TRASH_AUTHOR", author)
        self.capsys.readouterr()
        return run(["board", *words])

    def json(self, *words: str, author: str = "Ann Lee") -> Any:
        assert self.trash(*words, "--json", author=author) == 0, self.capsys.readouterr().err
        return json.loads(self.capsys.readouterr().out)

    def refused(self, *words: str) -> str:
        """Return what a command says that is refused; it has written nothing."""
        before = self.files()
        assert self.trash(*words) == 2
        assert self.files() == before
        captured = self.capsys.readouterr()
        assert captured.out == ""
        return captured.err

    def files(self) -> list[str]:
        return sorted(str(path) for path in self.root.rglob("*") if path.is_file())

    def card(self, name: str) -> Any:
        """Return the card of the wall with this record."""
        (found,) = [card for card in self.json("list") if card["record"] == name]
        return found


@pytest.fixture
def desk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Desk:
    (tmp_path / "recipes").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return Desk(tmp_path, Team(tmp_path), capsys, monkeypatch)
