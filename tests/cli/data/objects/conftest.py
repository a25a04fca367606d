from __future__ import annotations

from pathlib import Path

import pytest

RECIPE = """
[data]
root = "{root}"
val = "val.json"
test = "test.json"
image_size = [64, 64]
[model]
name = "unet"
[loss]
name = "cross_entropy"
[objects]
classes = ["Paper", "Metal"]
min_area = 20
"""


@pytest.fixture
def recipe(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").mkdir()
    path = tmp_path / "recipes" / "mixed.toml"
    path.write_text(RECIPE.format(root=demo_root))
    return path
