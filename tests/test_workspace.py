from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.plugin.registry import Registry
from toolkit.progress import SilentProgress
from toolkit.project import Project
from toolkit.workspace import Workspace


class _Loud(SilentProgress):
    def say(self, text: str) -> None:
        print(text)


def test_the_silent_one_shows_nothing_and_has_the_same_project_and_components(
    registry: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(Project(tmp_path), registry, _Loud())
    silent = workspace.silent
    silent.progress.say("nothing")
    assert capsys.readouterr().out == ""
    workspace.progress.say("something")
    assert capsys.readouterr().out == "something\n"
    assert silent.project is workspace.project
    assert silent.registry is workspace.registry
