from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.plugin.tiny_plugin import output
from toolkit.cli.main import run
from toolkit.plugin.kinds import KINDS


def test_list_shows_every_component_with_its_source(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = output(capsys, "list").splitlines()
    headings = [line for line in lines if not line.startswith(" ")]
    kinds = [heading.partition(" (")[0] for heading in headings]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert {heading.partition(" (")[2] for heading in headings} == {"builtin)", "tiny)"}
    (row,) = [line for line in lines if line.startswith("  tiny ")]
    assert " ".join(row.split()) == "tiny does next to nothing (also small)"
    assert lines[lines.index(row) - 1] == "postprocessor (tiny)"


@pytest.mark.parametrize("columns", ["40", "60", "80"])
def test_list_cuts_no_name_on_a_narrow_screen(
    columns: str, tiny: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = output(capsys, "list")
    assert max(map(len, shown.splitlines())) <= int(columns)
    names = {row["name"] for row in json.loads(output(capsys, "list", "--json"))}
    assert names <= {line.split()[0] for line in shown.splitlines()}


def test_list_of_a_kind_as_json(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(output(capsys, "list", "--kind", "postprocessor", "--json"))
    assert {row["kind"] for row in rows} == {"postprocessor"}
    assert {
        "name": "tiny",
        "kind": "postprocessor",
        "source": "tiny",
        "summary": "does next to nothing",
        "aliases": ["small"],
    } in rows


def test_a_plugin_that_fails_is_one_line_on_stderr(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tiny.parent / "broken.py").write_text("import no_such_module\n")
    assert run(["plugin", "list", "--kind", "postprocessor"]) == 0
    captured = capsys.readouterr()
    assert "tiny" in captured.out
    assert "broken" not in captured.out
    assert "no_such_module" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("command", ["list", "check"])
def test_an_unknown_kind_gets_the_nearest(
    command: str, team: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plugin", command, "--kind", "losses"]) == 2
    assert "Did you mean loss?" in capsys.readouterr().err
