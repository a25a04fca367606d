"""The table of epochs that a training prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_training import make_recipe, train

from toolkit.cli.console import make_progress


@pytest.mark.parametrize("metric", [None, "dice"])
def test_epochs_without_validation_are_rows_of_the_same_table(
    tiny_root: Path, tmp_path: Path, metric: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = make_recipe(epochs=3, validate_every=2, metric=metric)
    train(tiny_root, tmp_path / "run", recipe, progress=make_progress())
    lines = capsys.readouterr().err.splitlines()
    header = next(index for index, line in enumerate(lines) if "train loss" in line)
    columns = re.split(r"\s{2,}", lines[header].strip())
    assert ("val dice" in columns) == (metric == "dice")
    rows = [dict(zip(columns, line.split(), strict=True)) for line in lines[header + 1 :]]
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    unknown = [{name for name, figure in row.items() if figure == "-"} for row in rows]
    assert unknown == [{name for name in columns if name.startswith("val ")}, set(), set()]
