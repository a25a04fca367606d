from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.pseudo.label_set import LabelSet


def test_show_says_what_was_selected(
    label_sets: list[LabelSet], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", "show", "0123"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[:4] == [
        "0123aaaa: 3 of 5 images",
        "rejected by lack of a prediction: 1",
        "rejected by file_list: 1",
        "teachers: teacher 0",
    ]
    (background,) = [line for line in lines if line.startswith("Background")]
    assert int(background.split()[1]) == label_sets[0].index.predicted[0]
    assert "warning: 1 of 5 images has no row" in captured.err
    assert run(["pseudo", "show", str(label_sets[1].folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["selected"], found["images"]) == (3, 5)
    assert found["classes"]["Background"]["trusted"] == label_sets[0].index.trusted[0]
    assert found["origin"] == {"teachers": ["teacher 1"]}


def test_show_writes_a_page(
    label_sets: list[LabelSet], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", "show", "0123", "-o", "out/page.html"]) == 0
    assert capsys.readouterr().out.splitlines() == ["out/page.html"]
    assert (tmp_path / "out" / "page.html").read_text().count("<article ") == 5
    assert run(["pseudo", "show", "0123", "-o", "page.html", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["page"] == "page.html"


def test_photos_that_were_moved_are_found_with_an_option(
    label_sets: list[LabelSet],
    demo_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    index = label_sets[0].folder / "index.json"
    index.write_text(index.read_text().replace(str(demo_root), "/gone"))
    assert run(["pseudo", "show", "0123", "-o", "page.html"]) == 2
    captured = capsys.readouterr()
    assert "/gone" in captured.err
    assert "--images" in captured.err
    assert not (tmp_path / "page.html").exists()
    assert run(["pseudo", "show", "0123", "-o", "page.html", "--images", str(demo_root)]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0", "2 pseudo-label sets begin with 0: 0123aaaa, 0456bbbb"),
        ("0123aaab", "Did you mean 0123aaaa?"),
        ("", "there is no pseudo-label set"),
        ("recipes", "there is no pseudo-label set recipes"),
    ],
)
def test_a_set_that_cannot_be_found_is_told(
    label_sets: list[LabelSet], text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", "show", text]) == 2
    assert message in capsys.readouterr().err


def test_damage_is_told_with_what_to_do(
    label_sets: list[LabelSet], capsys: pytest.CaptureFixture[str]
) -> None:
    labels = label_sets[0].folder / "labels.bin"
    labels.write_bytes(labels.read_bytes()[:-1])
    assert run(["pseudo", "show", "0123"]) == 1
    assert "Delete that folder" in capsys.readouterr().err
    shutil.rmtree(label_sets[0].folder)
    assert run(["pseudo", "show", "0123"]) == 2
