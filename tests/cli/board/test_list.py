"""`trash board list`: the wall in the terminal."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.report.team_records import write_team


def titles(desk: Any, *words: str) -> list[str]:
    return [card["title"] for card in desk.json("list", *words)]


def test_cards_are_filtered_and_sorted(desk: Any) -> None:
    write_team(desk.root)
    assert titles(desk, "--status", "planned") == [
        "Stacking: fit weights of classes on out-of-fold maps",
        "CRF after the ensemble, not before",
        "작은 물체: 768 px 학습",
    ]
    assert titles(desk, "--status", "running") == ["SegFormer-B3", "UNet++, EfficientNet-B5"]
    assert titles(desk, "--tag", "Rare Classes") == [
        "Object mix: paste rare classes",
        "작은 물체: 768 px 학습",
    ]
    assert titles(desk, "--member", "김하나", "--status", "done", "--sort", "public") == [
        "UNet++ with EfficientNet-B3",
        "Pseudo-labels from HRNet and UNet++",
        "hrnet_unetpp (geometric)",
    ]
    assert titles(desk, "battery", "KEEP") == ["Object mix: paste rare classes"]
    assert titles(desk, "--sort", "validation")[-1] == "hrnet_unetpp (geometric)"
    statuses = [card["status"] for card in desk.json("list", "--sort", "status")]
    assert statuses == sorted(
        statuses, key=["planned", "running", "running?", "done", "dropped", "failed"].index
    )


def test_what_nobody_has_gets_the_nearest(desk: Any) -> None:
    write_team(desk.root)
    assert "Did you mean rare-classes?" in desk.refused("list", "--tag", "rare-class")
    assert "Did you mean Choi M.?" in desk.refused("list", "--member", "Choi")
    assert "planned" in desk.refused("list", "--status", "plan")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_table_fits_the_terminal(desk: Any, columns: int) -> None:
    write_team(desk.root)
    desk.patch.setenv("COLUMNS", str(columns))
    assert desk.trash("list") == 0
    out = desk.capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    for text in ("MADGRAD", "failed", "0.7205", "이도윤"):
        assert text in out


def test_an_empty_wall(desk: Any) -> None:
    assert desk.trash("list") == 0
    captured = desk.capsys.readouterr()
    assert captured.out == ""
    assert "nothing is recorded" in captured.err
    assert desk.json("list") == []
    desk.json("plan", "one")
    assert desk.trash("list", "two") == 0
    assert "no such card" in desk.capsys.readouterr().err
    # Texts of others command no terminal.
    desk.json("plan", "\x1b[31mred [bold]x")
    assert desk.trash("list") == 0
    assert "\x1b[31m" not in (out := desk.capsys.readouterr().out)
    assert "[bold]x" in out


def test_the_board_needs_no_torch(desk: Any) -> None:
    write_team(desk.root)
    code = (
        "import sys; from toolkit.cli.main import run\n"
        "codes = [run(['board', *words]) for words in ([], ['list'], ['plan', 'x'],"
        " ['note', 'x', 'y'], ['publish'])]\n"
        "sys.exit('torch' in sys.modules or any(codes))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=desk.root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
