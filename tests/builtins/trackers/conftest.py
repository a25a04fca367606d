from __future__ import annotations

import pytest

from tests.builtins.trackers.tracked_project import TrackedProject
from tests.real_processes import HANG
from tests.tiny_project import project
from toolkit.project import Project
from toolkit.train import tracking

__all__ = ["project"]


@pytest.fixture
def tracked(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TrackedProject:
    for name in ("AT_THE_START", "AT_THE_END", "WHEN_CUT"):  # nothing hangs here
        monkeypatch.setattr(tracking, name, HANG)
    return TrackedProject(project, monkeypatch, capsys)
