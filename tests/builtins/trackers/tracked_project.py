"""A project whose runs are tracked, and what is expected to be read back of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project


@dataclass(frozen=True)
class TrackedProject:
    """Runs the recipe "tiny", 3 epochs of 3 steps each, with a tracker.

    Attributes:
        project: it has the recipe.
        monkeypatch: sets the environment.
        capsys: has what a command printed.
    """

    project: Project
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(self, tracker: str, *words: str) -> str:
        """Run the recipe to its end; return what was said."""
        self.capsys.readouterr()
        code = run(["recipe", "run", "tiny", "--json", *words, "--set", f"trackers=[{tracker}]"])
        out, err = self.capsys.readouterr()
        assert code == 0, err
        json.loads(out)  # no tracker has printed into the result
        return err

    def run_in_two_parts(self, tracker: str) -> None:
        """Run the recipe, interrupt it after its first epoch, and resume it."""
        self.monkeypatch.setenv("STOP_AFTER", "1")
        command = ["recipe", "run", "tiny", "--set", f"trackers=[{tracker}]"]
        assert run(command) == 130
        self.monkeypatch.delenv("STOP_AFTER")
        assert "warning: tracker" not in self.capsys.readouterr().err
        assert "warning: tracker" not in self.run(tracker, "--resume")

    @property
    def root(self) -> Path:
        return self.project.root

    @property
    def folder(self) -> Path:
        return self.project.runs / "tiny-001"

    @property
    def epochs(self) -> list[dict[str, Any]]:
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def result(self) -> dict[str, Any]:
        manifest = json.loads((self.folder / "manifest.json").read_text())
        result: dict[str, Any] = manifest["result"]
        return result

    @property
    def run_id(self) -> str:
        manifest = json.loads((self.folder / "manifest.json").read_text())
        return str(manifest["record"].rpartition("/")[2])
