from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from toolkit.cli.main import run

Capture = pytest.CaptureFixture[str]


def read(name: str) -> NDArray[np.uint8]:
    picture = cv2.imread(name)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def test_the_sheet_shows_objects_and_mixed_images(
    recipe: Path, tmp_path: Path, capsys: Capture
) -> None:
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        arguments = ["mixed", "-o", f"{name}.png", "--count", "3", "--seed", seed]
        assert run(["data", "objects", "show", *arguments]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "c.png"
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c
    assert run(["data", "objects", "cut", "mixed", "-o", "bank"]) == 0
    assert run(["data", "objects", "show", "bank", "-o", "bank.png", "--count", "3"]) == 0
    whole, objects = read("a.png"), read("bank.png")
    assert len(objects) < len(whole)
    assert (whole[: len(objects)] == objects).all()


def test_the_recipes_own_steps_are_shown(recipe: Path) -> None:
    """With a step that leaves every image alone, before and after are the same."""
    text = recipe.read_text()
    step = 'name = "songbae_mix"\np = 0.001\nskip_above = { Background = 0 }'
    changed = []
    for steps in ("", f"[[augment.train]]\n{step}\n"):
        recipe.write_text(text + steps)
        assert run(["data", "objects", "show", "mixed", "-o", "sheet.png", "--count", "2"]) == 0
        last_row = read("sheet.png")[-230:-20]
        changed.append(int(cv2.absdiff(last_row[:, 10:220], last_row[:, 250:460]).sum()))
    assert changed[0] > 0
    assert changed[1] == 0


@pytest.mark.parametrize("name", ["sheet.gif", "sheet", "recipes"])
def test_a_sheet_is_a_png_or_jpeg(recipe: Path, name: str, capsys: Capture) -> None:
    assert run(["data", "objects", "show", "mixed", "-o", name]) == 2
    assert ".png" in capsys.readouterr().err
