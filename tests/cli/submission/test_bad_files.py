"""Broken and foreign files through every command that reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]
Damage = Callable[[list[bytes]], list[bytes]]

FORMATS = (("mask_string", ".csv"), ("run_length", ".csv"), ("png_zip", ".zip"), ("npz", ".npz"))


def of_row_3(change: Callable[[bytes], bytes]) -> Damage:
    """Return what changes the labels of the second image."""

    def damage(lines: list[bytes]) -> list[bytes]:
        image_id, labels = lines[2].split(b",")
        return [*lines[:2], image_id + b"," + change(labels), *lines[3:]]

    return damage


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a number too few": (
        of_row_3(lambda labels: labels[:-3] + b"\n"),
        "row 3, label 1023, {image}: 1,023 labels; expected 1,024 (32 × 32)",
    ),
    "NaN": (
        of_row_3(lambda labels: labels[:20] + b"NaN" + labels[21:]),
        "row 3, label 11, {image}: 'NaN' is not a label",
    ),
    "Windows line end": (
        of_row_3(lambda labels: labels[:-1] + b"\r\n"),
        "row 3: Windows line end",
    ),
    "quoted field": (
        of_row_3(lambda labels: b'"' + labels[:-1] + b'"x\n'),
        "row 3: the quote at byte",
    ),
    "label outside": (
        of_row_3(lambda labels: labels[:20] + b"12" + labels[21:]),
        "row 3, label 11, {image}: label 12 is outside the 12 classes (0…11)",
    ),
    "last line cut off": (
        lambda lines: [*lines[:-1], lines[-1][:100]],
        "row 6, label 4",
    ),
}

COMMANDS = {
    "diff": ["diff", "submissions/a.csv", "submissions/b.csv", "--picture", "out.png"],
    "reverse": ["diff", "submissions/b.csv", "submissions/a.csv", "--json"],
    "merge": ["merge", "submissions/a.csv", "submissions/b.csv", "-o", "out.csv"],
    "show": ["show", "submissions/b.csv", "-o", "out.png"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_one_message(
    desk: Any, capsys: Capture, command: str, damage: str
) -> None:
    maps = {name: np.minimum(labels, 9).astype(np.uint8) for name, labels in desk.noisy(1).items()}
    desk.submit("a.csv", maps)
    b = desk.root / desk.submit("b.csv", maps)
    change, message = DAMAGES[damage]
    b.write_bytes(b"".join(change(b.read_bytes().splitlines(keepends=True))))
    before = desk.files()
    assert run(["submission", *COMMANDS[command]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (error,) = [line for line in captured.err.splitlines() if line.startswith("error:")]
    assert error.startswith("error: submissions/b.csv: ")
    assert message.format(image=list(maps)[1]) in error
    assert "trash submission check submissions/b.csv" in captured.err
    assert "Traceback" not in captured.err
    assert desk.files() == before
    assert not list(desk.root.glob("out.*"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_check_names_the_same_place(desk: Any, capsys: Capture, damage: str) -> None:
    maps = {name: np.minimum(labels, 9).astype(np.uint8) for name, labels in desk.noisy(1).items()}
    a = desk.root / desk.submit("a.csv", maps)
    change, message = DAMAGES[damage]
    a.write_bytes(b"".join(change(a.read_bytes().splitlines(keepends=True))))
    assert run(["submission", "check", "submissions/a.csv", "--json"]) == 2
    (problem, *_) = json.loads(capsys.readouterr().out)["problems"]
    place = f"row {problem['row']}"
    if problem["column"]:
        place += f", {problem['unit']} {problem['column']}, {problem['image_id']}"
    assert f"{place}: {problem['message']}".startswith(message.format(image=list(maps)[1]))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_broken_side_car_is_one_message(desk: Any, capsys: Capture, command: str) -> None:
    desk.submit("a.csv", desk.noisy(1))
    desk.submit("b.csv", desk.noisy(2))
    desk.change("submissions/b.csv", class_names=[])
    assert run(["submission", *COMMANDS[command]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "submissions/b.json: broken side-car: class_names" in captured.err


@pytest.mark.parametrize(("format_", "suffix"), FORMATS)
def test_every_format_is_compared_merged_and_shown(
    desk: Any, capsys: Capture, format_: str, suffix: str
) -> None:
    first, second = desk.noisy(1), desk.noisy(2)
    a = desk.submit(f"a{suffix}", first, format_)
    b = desk.submit("b.csv", second)
    assert run(["submission", "diff", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    equal = np.mean([first[name] == second[name] for name in first])
    assert found["equal"] == pytest.approx(equal)
    assert run(["submission", "show", a, "-o", "show.png"]) == 0
    out = f"out{suffix}"
    assert run(["submission", "merge", a, b, b, "-o", out]) == 0
    assert desk.side_car(out)["format"]["name"] == format_
    capsys.readouterr()
    assert run(["submission", "diff", out, b, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["equal"] == 1


@pytest.mark.parametrize(("format_", "suffix"), FORMATS[1:])
def test_equal_labels_in_another_format_are_found(
    desk: Any, capsys: Capture, format_: str, suffix: str
) -> None:
    maps = desk.noisy(1)
    a, b = desk.submit("a.csv", maps), desk.submit(f"b{suffix}", maps, format_)
    assert run(["submission", "check", a]) == 0
    assert capsys.readouterr().err == f"warning: {a} has the same labels as {b}\n"
    assert run(["submission", "check", b]) == 0
    assert capsys.readouterr().err == f"warning: {b} has the same labels as {a}\n"
