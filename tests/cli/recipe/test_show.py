from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from toolkit.cli.main import run


def test_show_prints_toml_and_json_and_origins(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["recipe", "show", "mine", "--set", "train.epochs=3"]) == 0
    assert tomllib.loads(capsys.readouterr().out)["train"]["epochs"] == 3
    assert run(["recipe", "show", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["weights"] == "none"
    assert run(["recipe", "show", "mine", "--origin"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["loss.name", '"ce"', "recipes/mine.toml:9"] in rows
