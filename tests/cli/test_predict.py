from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from toolkit.cli.main import run
from toolkit.predict.store import open_store
from toolkit.train.checkpoint import Checkpoint, save_checkpoint

PLUGIN = """
from toolkit import Component, hookimpl

def flat(context):
    from torch import nn
    return nn.Conv2d(3, context.n_classes, 1)

@hookimpl
def trash_models():
    return [Component("flat", flat, "A single convolution.")]
"""


@pytest.fixture
def project(tmp_path: Path, demo_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "flat_net.py").write_text(PLUGIN)
    content = json.loads((demo_root / "train.json").read_text())
    classes = ("Background", *(entry["name"] for entry in content["categories"]))
    data = {"root": str(demo_root), "val": "val.json", "test": "test.json"}
    recipe = {"data": data, "model": {"name": "flat"}, "loss": {"name": "cross_entropy"}}
    save_checkpoint(
        tmp_path / "a.pt",
        Checkpoint(
            model_state=nn.Conv2d(3, len(classes), 1).state_dict(), recipe=recipe,
            class_names=classes, image_size=(32, 32), mean=(0.4,) * 3, std=(0.2,) * 3,
            scores={}, epoch=1,
        ),
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRASH_CACHE", raising=False)
    return tmp_path


def test_prints_the_folder_of_the_store(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "a.pt", "--views", "hflip*rot90", "--store", "u8"]) == 0
    captured = capsys.readouterr()
    folder = Path(captured.out.strip())
    store = open_store(folder)
    assert folder.parent == project / ".trash" / "stores"
    assert (len(store), store.index.dtype, store.sizes[0]) == (5, "u8", (64, 64))
    assert "5 images of test, 12 classes, 4 views, u8" in captured.err
    assert run(["predict", "a.pt@hflip*rot90", "--store", "u8"]) == 0
    assert capsys.readouterr().out.strip() == str(folder)


@pytest.mark.parametrize(("split", "images"), [("test", 5), ("val", 6), ("train", 12)])
def test_json_of_every_split(
    project: Path, capsys: pytest.CaptureFixture[str], split: str, images: int
) -> None:
    assert run(["predict", "a.pt", "--split", split, "--batch-size", "5", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["images"], figures["classes"]) == (images, 12)
    assert figures["bytes"] == images * 12 * 64 * 64 * 2


def test_unknown_split_is_a_usage_error(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "a.pt", "--split", "valid"]) == 2
    assert "Did you mean val?" in capsys.readouterr().err


def test_a_killed_prediction_is_continued(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, calls = nn.Conv2d.forward, []

    def interrupted(self: nn.Conv2d, images: torch.Tensor) -> torch.Tensor:
        calls.append(len(images))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return forward(self, images)

    monkeypatch.setattr(nn.Conv2d, "forward", interrupted)
    assert run(["predict", "a.pt", "--batch-size", "2"]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert run(["predict", "a.pt", "--batch-size", "2"]) == 0
    assert "4 of 5 images are there" in capsys.readouterr().err
    assert calls == [2, 2, 1, 1]
