from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from toolkit import UsageError
from toolkit.train.history import History
from toolkit.train.state import load_state, save_state

RECIPE: dict[str, Any] = {
    "seed": 1,
    "train": {"epochs": 3, "patience": 0, "device": "auto", "batch_size": 4},
    "data": {"workers": 0, "mean": [0.1, 0.2, 0.3]},
}


def _changes(**train: Any) -> dict[str, Any]:
    return {**RECIPE, "train": {**RECIPE["train"], **train}}


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    learner = {"model": {"w": torch.ones(2)}, "scheduler": {"last_epoch": 3, "none": None}}
    epochs = [{"epoch": 1, "val_miou": 0.1}, {"epoch": 2, "val_miou": None}]
    save_state(tmp_path / "state.pt", RECIPE, learner, History(epochs))
    saved = load_state(tmp_path / "state.pt", RECIPE)
    state, history = saved.learner, saved.history
    assert torch.equal(state["model"]["w"], torch.ones(2))
    assert state["scheduler"] == learner["scheduler"]
    assert history == History(epochs)


def test_a_longer_plan_and_another_machine_are_allowed(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", RECIPE, {}, History())
    other = _changes(epochs=9, patience=5, device="cpu")
    load_state(tmp_path / "state.pt", {**other, "data": {**RECIPE["data"], "workers": 8}})


def test_what_comes_after_training_is_free(tmp_path: Path) -> None:
    before = {**RECIPE, "predict": {"views": "none"}, "postprocess": [], "title": "a"}
    save_state(tmp_path / "state.pt", before, {}, History())
    data = {**RECIPE["data"], "root": "/elsewhere", "demo": {"train": 9}}
    after = {"predict": {"views": "hflip"}, "submission": {"name": "x"}, "data": data}
    load_state(tmp_path / "state.pt", {**RECIPE, **after, "postprocess": [{"name": "x"}]})
    with pytest.raises(UsageError, match=r"data\.rooted: was not set"):
        load_state(tmp_path / "state.pt", {**before, "data": {**RECIPE["data"], "rooted": 1}})


def test_every_other_difference_is_listed(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", RECIPE, {}, History())
    other = {**_changes(batch_size=8, epochs=9, ema=0.9), "seed": 2}
    with pytest.raises(UsageError) as caught:
        load_state(tmp_path / "state.pt", other)
    lines = caught.value.message.splitlines()[1:]
    assert lines == [
        "  seed: was 1, is 2",
        "  train.batch_size: was 4, is 8",
        "  train.ema: was not set, is 0.9",
    ]


def test_changed_contents_are_named_without_their_digests(tmp_path: Path) -> None:
    before = {"photos of the training split": "a", "content of encoder.pth": "b"}
    save_state(tmp_path / "state.pt", {**RECIPE, **before}, {}, History())
    with pytest.raises(UsageError, match="other settings or data") as caught:
        load_state(tmp_path / "state.pt", {**RECIPE, "photos of the training split": "c"})
    assert caught.value.message.splitlines()[1:] == [
        "  content of encoder.pth: is not there any more",
        "  photos of the training split: changed since",
    ]


def test_what_an_older_version_did_not_note_is_told(tmp_path: Path) -> None:
    save_state(tmp_path / "state.pt", RECIPE, {}, History())
    saved = load_state(tmp_path / "state.pt", {**RECIPE, "photos of the training split": "c"})
    assert saved.unrecorded == ("photos of the training split",)
    assert not load_state(tmp_path / "state.pt", RECIPE).unrecorded


def test_a_checkpoint_is_no_state(tmp_path: Path) -> None:
    torch.save({"format": "trash-checkpoint"}, tmp_path / "state.pt")
    with pytest.raises(UsageError, match="not the saved state"):
        load_state(tmp_path / "state.pt", RECIPE)
