from __future__ import annotations

import pytest

from toolkit.cli import console
from toolkit.errors import TrashError


def test_plain_progress_prints_a_header_once_per_set_of_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = console.make_progress()
    progress.row({"epoch": 1, "lr": 0.001, "val mIoU": 0.5})
    progress.row({"epoch": 2, "lr": 1e-7, "val mIoU": float("nan")})
    progress.row({"epoch": 3})
    lines = [line.split() for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        ["epoch", "lr", "val", "mIoU"],
        ["1", "0.0010", "0.5000"],
        ["2", "1.00e-07", "-"],
        ["epoch"],
        ["3"],
    ]


def test_a_quick_task_prints_nothing_and_a_slow_one_its_state(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 30.0, 31.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console.make_progress().bar("predicting", 8, "images") as bar:
        bar.advance(2)
        bar.advance(2, loss=0.25)
        bar.advance(4)
    assert capsys.readouterr().err == "predicting: 4/8 images  loss 0.2500\n"


def test_markup_in_data_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_table(["name", "share"], [["[red]x[/red]", 0.25]], numeric=["share"])
    console.print_error(TrashError("no [file] here", "try [this]"))
    captured = capsys.readouterr()
    assert "[red]x[/red]" in captured.out
    assert "0.2500" in captured.out
    assert captured.err == "error: no [file] here\n  try [this]\n"
