"""A project with two checkpoints that were never trained: one convolution each, of other seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from toolkit.plugin.discovery import load_registry
from toolkit.project import Project
from toolkit.train.checkpoint import Checkpoint, save_checkpoint

PLUGIN = """
from toolkit import Component, hookimpl

def tiny(context):
    from torch import nn
    return nn.Conv2d(3, context.n_classes, 1)

@hookimpl
def trash_models():
    return [Component("tiny", tiny, "A single convolution.")]
"""


@pytest.fixture
def two_checkpoints(
    tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A project folder with the checkpoints a.pt and b.pt; the working folder."""
    (tmp_path / "recipes").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "tiny_net.py").write_text(PLUGIN)
    content = json.loads((demo_root / "train.json").read_text())
    names = sorted((entry["id"], entry["name"]) for entry in content["categories"])
    recipe: dict[str, Any] = {
        "data": {"root": str(demo_root), "val": "val.json", "test": "test.json"},
        "model": {"name": "tiny"},
        "loss": {"name": "cross_entropy"},
        "submission": {"name": "mask_string", "size": [16, 16]},
    }
    for name, seed in (("a", 1), ("b", 2)):
        write_checkpoint(
            tmp_path / f"{name}.pt", ("Background", *(name for _, name in names)), recipe, seed
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    yield tmp_path
    load_registry(Project(tmp_path / "nowhere"))


def write_checkpoint(
    path: Path, class_names: tuple[str, ...], recipe: dict[str, Any], seed: int
) -> None:
    torch.manual_seed(seed)
    save_checkpoint(
        path,
        Checkpoint(
            model_state=nn.Conv2d(3, len(class_names), 1).state_dict(),
            recipe=recipe,
            class_names=class_names,
            image_size=(64, 64),
            mean=(0.4,) * 3,
            std=(0.2,) * 3,
            scores={},
            epoch=1,
        ),
    )
