from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from toolkit.cli import console
from toolkit.errors import TrashError

COLUMNS = ("key", "value", "origin")
ROWS = [
    ("augment.train.0.brightness", "two words and more of them", "recipes/a.toml:12"),
    ("seed", 1, "default"),
]


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


def test_a_table_fits_its_screen_and_breaks_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    console.print_table(COLUMNS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert lines[0].split() == list(COLUMNS)
    assert lines[1].startswith("augment.train.0.brightness  two words")
    assert lines[1].endswith("recipes/a.toml:12")
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_table_too_wide_becomes_paragraphs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    console.print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "augment.train.0.brightness",
        "  value   two words and more of them",
        "  origin  recipes/a.toml:12",
        "seed",
        "  value   1",
        "  origin  default",
    ]


def test_entries_stand_beside_their_names_or_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"loss": [("ce", "cross entropy"), ("dice_ce", "both")], "view": [("[x]", ":key:")]}
    monkeypatch.setenv("COLUMNS", "80")
    console.print_entries(groups)
    assert capsys.readouterr().out.splitlines() == [
        "loss",
        "  ce       cross entropy",
        "  dice_ce  both",
        "view",
        "  [x]      :key:",
    ]
    monkeypatch.setenv("COLUMNS", "40")
    console.print_entries(groups)
    assert capsys.readouterr().out.splitlines()[:3] == ["loss", "  ce", "    cross entropy"]


def test_json_has_no_literal_that_json_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": float("nan"), "b": [float("inf"), (1.5, float("-inf"))], "c": Path("x")}
    console.print_json(value)
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, [1.5, None]], "c": "x"}


def test_a_bar_may_be_called_anything(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 30.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console.make_progress().bar("checking {x} [/b].json", 8, "images") as bar:
        bar.advance(2)
    assert capsys.readouterr().err == "checking {x} [/b].json: 2/8 images\n"


def test_pictures_are_not_made_of_paths(capsys: pytest.CaptureFixture[str]) -> None:
    console.warn("a:key:b " + "long " * 60)
    assert capsys.readouterr().err == "warning: a:key:b " + "long " * 60 + "\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> Terminal:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    return screen


def test_a_command_to_be_copied_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_terminal(monkeypatch, 40)
    command = "to continue: trash recipe run " + "a/long/name/" * 5 + "x.toml --resume"
    console.make_progress().say(command)
    assert screen.getvalue() == f"{command}\n"


@pytest.mark.parametrize(("columns", "has_all", "times"), [(80, 0, 1), (99, 1, 1), (160, 1, 2)])
def test_a_bar_keeps_its_times_and_cuts_no_number(
    monkeypatch: pytest.MonkeyPatch, columns: int, has_all: int, times: int
) -> None:
    screen = on_terminal(monkeypatch, columns)
    with console.make_progress().bar("epoch 12/40: training", 1200, "images") as bar:
        for _ in range(3):
            bar.advance(16, loss=0.5123, lr=1.2e-4, norm=1.2345)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    line = next(line for line in reversed(re.split(r"[\r\n]", plain)) if "48/1200" in line)
    assert line.startswith("epoch 12/40: training ")
    assert "48/1200 images  loss 0.5123" in line
    assert "…" not in line
    assert line.index("48/1200") - len("epoch 12/40: training ") >= 12
    assert ("norm 1.2345" in line) == bool(has_all)
    assert len(re.findall(r"\d:\d\d:\d\d|-:--:--", line)) == times


def test_items_are_broken_between_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = on_terminal(monkeypatch, 40)
    items = [f"Plastic bag {number} 1{number}.5%" for number in range(5)]
    console.note_items("pixels", items)
    lines = screen.getvalue().splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert ", ".join(items) == " ".join(line.strip() for line in lines).removeprefix("pixels: ")
    assert all(line.endswith(",") for line in lines[:-1])


def test_entries_in_a_pipe_are_a_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console.print_entries({"recipes": [("a", "word " * 60), ("b", "short")]})
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_columns_without_room_stand_in_further_tables(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = ("class", *(f"recipe_{number}" for number in range(5)))
    rows = [
        [name, *(f"0.{number}234 ± 0.0012" for number in range(5))] for name in ("Metal", "Glass")
    ]
    console.print_split_table(columns, rows, numeric=columns[1:])
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "class         recipe_0         recipe_1",
        "Metal  0.0234 ± 0.0012  0.1234 ± 0.0012",
        "Glass  0.0234 ± 0.0012  0.1234 ± 0.0012",
        "",
    ]
    assert lines[8:10] == ["class         recipe_4", "Metal  0.4234 ± 0.0012"]
    monkeypatch.setenv("COLUMNS", "200")
    console.print_split_table(columns, rows, numeric=columns[1:])
    assert len(capsys.readouterr().out.splitlines()) == 3
