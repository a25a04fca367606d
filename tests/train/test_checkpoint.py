from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from toolkit import TrashError, UsageError
from toolkit.train.checkpoint import (
    FORMAT_VERSION,
    Checkpoint,
    checkpoint_digest,
    load_checkpoint,
    save_checkpoint,
)


def _checkpoint(**changes: Any) -> Checkpoint:
    values: dict[str, Any] = {
        "model_state": {"weight": torch.arange(6.0).view(2, 3), "steps": torch.tensor(3)},
        "recipe": {"model": {"name": "unet", "depth": 3}, "seed": 1, "title": "Straße"},
        "class_names": ("Background", "Paper"),
        "image_size": (32, 48),
        "mean": (0.1, 0.2, 0.3),
        "std": (0.4, 0.5, 0.6),
        "scores": {"val_miou": 0.5, "val_iou": [0.5, None]},
        "epoch": 4,
        "lineage": {"run": "a", "parents": [{"path": "b.pt", "digest": "00"}]},
    }
    return Checkpoint(**{**values, **changes})


def _same(a: Checkpoint, b: Checkpoint) -> bool:
    return a.model_state.keys() == b.model_state.keys() and all(
        torch.equal(a.model_state[name], b.model_state[name]) for name in a.model_state
    )


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint = _checkpoint()
    save_checkpoint(tmp_path / "run" / "best.pt", checkpoint)
    loaded = load_checkpoint(tmp_path / "run" / "best.pt")
    assert _same(loaded, checkpoint)
    assert dataclasses.replace(loaded, model_state={}) == dataclasses.replace(
        checkpoint, model_state={}
    )


def test_loads_with_torch_alone(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best.pt", _checkpoint())
    content = torch.load(tmp_path / "best.pt", weights_only=True)
    assert content["format"] == "trash-checkpoint"
    assert content["format_version"] == FORMAT_VERSION


def test_parameters_lose_their_gradient(tmp_path: Path) -> None:
    save_checkpoint(
        tmp_path / "a.pt", _checkpoint(model_state={"w": torch.nn.Parameter(torch.ones(2))})
    )
    assert not load_checkpoint(tmp_path / "a.pt").model_state["w"].requires_grad


def test_a_loaded_checkpoint_survives_its_file_being_replaced(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    save_checkpoint(path, _checkpoint())
    loaded = load_checkpoint(path)
    save_checkpoint(path, _checkpoint(model_state={"weight": torch.zeros(2, 3)}))
    assert loaded.model_state["weight"].sum() == 15


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("scores", {"val_miou": np.float64(0.5)}),
        ("lineage", {"parents": [Path("a.pt")]}),
        ("recipe", {"model": {"name": object()}}),
    ],
)
def test_values_that_could_not_be_loaded_are_not_written(
    tmp_path: Path, part: str, value: Any
) -> None:
    save_checkpoint(tmp_path / "best.pt", _checkpoint())
    with pytest.raises(TrashError, match=part):
        save_checkpoint(tmp_path / "best.pt", _checkpoint(**{part: value}, epoch=9))
    assert load_checkpoint(tmp_path / "best.pt").epoch == 4
    assert [path.name for path in tmp_path.iterdir()] == ["best.pt"]


def _plain_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"weight": 1}))


def _other_classes(path: Path) -> None:
    torch.save({"model": torch.nn.Conv2d(1, 1, 1)}, path)


def _cut(path: Path) -> None:
    save_checkpoint(path, _checkpoint())
    path.write_bytes(path.read_bytes()[:-200])


def _without(path: Path) -> None:
    torch.save({"format": "trash-checkpoint", "format_version": 1, "epoch": 1}, path)


def _newer(path: Path) -> None:
    torch.save({"format": "trash-checkpoint", "format_version": FORMAT_VERSION + 1}, path)


BROKEN = {
    "empty": (lambda path: path.write_bytes(b""), "is empty"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "text": (lambda path: path.write_text("image_id,PredictionString"), "not written by torch"),
    "pickle": (_plain_pickle, "not written by torch"),
    "classes": (_other_classes, "holds Python objects"),
    "truncated": (_cut, "cut off"),
    "state_dict": (lambda path: torch.save({"w": torch.zeros(2)}, path), "bare weights"),
    "tensor": (lambda path: torch.save(torch.zeros(2), path), "holds a Tensor"),
    "other dict": (lambda path: torch.save({"epoch": 3}, path), "other values .epoch"),
    "state": (lambda path: torch.save({"format": "trash-state"}, path), "format is 'trash-state'"),
    "missing parts": (_without, "lacks model_state"),
    "newer": (_newer, "reads up to"),
    "absent": (lambda path: None, "not found"),
}


def test_the_normalisation_has_a_figure_for_each_channel(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(path, _checkpoint(mean=(0.5,) * 5, std=(0.25,) * 5))
    assert load_checkpoint(path).mean == (0.5,) * 5
    save_checkpoint(path, _checkpoint(mean=(0.5,) * 5, std=(0.25,) * 4))
    with pytest.raises(UsageError, match=r"std.*should have 5 figures, as mean has"):
        load_checkpoint(path)


@pytest.mark.parametrize("case", BROKEN)
def test_anything_else_is_refused_with_its_own_message(tmp_path: Path, case: str) -> None:
    make, message = BROKEN[case]
    path = tmp_path / "model.pt"
    make(path)
    with pytest.raises(UsageError, match=message) as caught:
        load_checkpoint(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message


class Bomb:
    def __reduce__(self) -> Any:
        return open, ("exploded", "w")


def test_loading_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": "trash-checkpoint", "bomb": Bomb()}, tmp_path / "model.pt")
    with pytest.raises(UsageError, match="holds Python objects"):
        load_checkpoint(tmp_path / "model.pt")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("size", range(1, 2400, 97))
def test_no_beginning_of_a_checkpoint_is_taken_for_one(tmp_path: Path, size: int) -> None:
    save_checkpoint(tmp_path / "whole.pt", _checkpoint())
    content = (tmp_path / "whole.pt").read_bytes()
    assert size < len(content)
    (tmp_path / "part.pt").write_bytes(content[:size])
    with pytest.raises(UsageError):
        load_checkpoint(tmp_path / "part.pt")


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a.pt", _checkpoint())
    (tmp_path / "b.pt").write_bytes((tmp_path / "a.pt").read_bytes())
    save_checkpoint(tmp_path / "c.pt", _checkpoint(epoch=5))
    assert checkpoint_digest(tmp_path / "a.pt") == checkpoint_digest(tmp_path / "b.pt")
    assert checkpoint_digest(tmp_path / "a.pt") != checkpoint_digest(tmp_path / "c.pt")
