from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from toolkit.cli.data import demo
from toolkit.cli.main import run
from toolkit.recipe.data_tables import Demo


def test_demo_is_written_and_clean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "demo"
    sizes = ["--train", "4", "--val", "2", "--test", "2", "--size", "48"]
    assert run(["data", "demo", str(folder), *sizes, "--seed", "5"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    assert run(["data", "check", str(folder / "train.json")]) == 0
    assert run(["data", "demo", str(folder), "--size", "5"]) == 2


def test_demo_has_the_defaults_of_a_recipe() -> None:
    parameters = inspect.signature(demo.demo).parameters
    defaults = Demo().model_dump(exclude={"classes"})  # own names are for --smoke
    assert {name: parameters[name].default for name in defaults} == defaults
