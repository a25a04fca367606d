from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from toolkit.cli.main import run
from toolkit.pseudo.label_set import LabelSet


def test_list_names_the_sets_the_newest_first(
    label_sets: list[LabelSet], capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = label_sets[0].folder.with_name("broken")
    damaged.mkdir()
    (damaged / "index.json").write_text("{")
    shutil.copytree(label_sets[0].folder, label_sets[0].folder.with_name("half.partial"))
    assert run(["pseudo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["key", "images", "teachers", "created"]
    assert lines[1].split()[:3] == ["broken", "-", "damaged"]
    assert lines[2].split() == [
        "0456bbbb",
        "3",
        "of",
        "5",
        "teacher",
        "1",
        "1970-01-01T00:00:01+00:00",
    ]
    assert lines[3].split()[0] == "0123aaaa"
    assert len(lines) == 4
    assert run(["pseudo", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["key"] for each in found] == ["broken", "0456bbbb", "0123aaaa"]
    assert "not valid JSON" in found[0]["problem"]
    assert (found[1]["selected"], found[1]["images"]) == (3, 5)
    assert found[1]["teachers"] == ["teacher 1"]


def test_list_without_sets_says_what_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["pseudo", "list"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[pseudo]" in captured.err
