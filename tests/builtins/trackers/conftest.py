from __future__ import annotations

import pytest

from tests.builtins.trackers.tracked_project import TrackedProject
from tests.tiny_project import project
from toolkit.project import Project

__all__ = ["project"]


@pytest.fixture
def tracked(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> TrackedProject:
    return TrackedProject(project, monkeypatch, capsys)
