from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.cli.main import run
from toolkit.formats.mask_string import MaskString
from toolkit.pseudo.label_set import LabelSet


def test_export_writes_a_file_that_can_be_read_again(
    label_sets: list[LabelSet],
    tmp_path: Path,
    demo_root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "recipes" / "small.toml").write_text(
        f'[data]\nroot = "{demo_root.as_posix()}"\n[model]\nname = "unet"\n'
        '[loss]\nname = "cross_entropy"\n[submission]\nname = "mask_string"\nsize = [64, 64]\n'
    )
    command = ["pseudo", "export", "0123", "-o", "a.csv"]
    assert run([*command, "--recipe", "small"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == ["a.csv"]
    assert "warning: the file holds no confidences" in captured.err
    assert "warning: 2 rejected images have no row" in captured.err
    rows = dict(MaskString((64, 64), ("image_id", "PredictionString"), 12).read(Path("a.csv")))
    assert tuple(rows) == label_sets[0].file_names
    for position, name in enumerate(rows):
        np.testing.assert_array_equal(rows[name], label_sets[0].masks[position])

    before = (tmp_path / "a.csv").read_bytes()
    assert run(command) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "a.csv").read_bytes() == before
    assert run([*command, "--overwrite", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["file"], found["rows"]) == ("a.csv", 3)
    first = (tmp_path / "a.csv").read_text().splitlines()[1]
    assert len(first.split(",")[1].split(" ")) == 256 * 256


@pytest.mark.parametrize("command", [["show", "0123"], ["export", "0123"]])
def test_a_folder_is_no_output(
    label_sets: list[LabelSet], command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pseudo", *command, "-o", "recipes"]) == 2
    assert "is a folder" in capsys.readouterr().err
