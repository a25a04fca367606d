from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.main import run


def test_new_then_check(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "new", "mine", "--kind", "loss"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["plugins/mine.py", "tests/plugins/test_mine.py"]
    assert "trash plugin check mine" in captured.err
    assert '[loss] name = "mine"' in captured.err
    assert run(["plugin", "check", "mine"]) == 0


def test_new_refuses_a_bad_name(team: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugin", "new", "My-Loss", "--kind", "loss"]) == 2
    assert "Did you mean my_loss?" in capsys.readouterr().err
