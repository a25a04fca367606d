"""A run to be evaluated, and what its commands print."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.main import run
from toolkit.project import Project

Capture = pytest.CaptureFixture[str]


def as_json(capsys: Capture, *command: str) -> Any:
    capsys.readouterr()
    assert run([*command, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Capture, *command: str) -> str:
    capsys.readouterr()
    assert run(list(command)) == 2
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
    return printed.err


def data_root(project: Project) -> Path:
    text = (project.root / "recipes" / "tiny.toml").read_text()
    return Path(re.search(r'root = "(.*)"', text)[1])  # type: ignore[index]


@pytest.fixture
def trained(project: Project, capsys: Capture) -> Any:
    """The result of the run tiny-001, with its submission."""
    return as_json(capsys, "recipe", "run", "tiny")
