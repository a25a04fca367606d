"""What stops a training before it does harm, and how it says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tiny_training
import torch
from tiny_training import make_recipe, train

from toolkit import TrashError, UsageError


def test_a_state_of_other_code_is_refused(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tiny_root, tmp_path / "run", make_recipe(epochs=1))
    net = tiny_training.TinyNet
    monkeypatch.setattr(tiny_training, "TinyNet", lambda n, *rest: net(n, rest[0], True, rest[2]))
    with pytest.raises(UsageError, match="does not fit the components as they are now") as caught:
        train(tiny_root, tmp_path / "run", make_recipe(epochs=2), resume=True)
    assert "plugin" in caught.value.hint


def test_a_loss_per_pixel_is_refused(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(logits: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        return torch.nn.functional.nll_loss(logits.log_softmax(1), target, reduction="none")

    monkeypatch.setattr(tiny_training.functional, "cross_entropy", make)
    with pytest.raises(TrashError, match=r"the loss has shape \(4, 16, 16\)"):
        train(tiny_root, tmp_path / "run", make_recipe())


def test_a_network_that_raises_is_named(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, images: torch.Tensor) -> Any:
        raise KeyError("decoder")

    monkeypatch.setattr(tiny_training.TinyNet, "forward", broken)
    with pytest.raises(TrashError, match=r"model tiny failed on one image.*KeyError: 'decoder'"):
        train(tiny_root, tmp_path / "run", make_recipe())


def test_a_run_cannot_be_made_shorter(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "run", make_recipe(epochs=3))
    with pytest.raises(UsageError, match="has 3 epochs already"):
        train(tiny_root, tmp_path / "run", make_recipe(epochs=2), resume=True)


def test_a_changed_recipe_is_not_resumed(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "run", make_recipe())
    with pytest.raises(UsageError) as caught:
        train(tiny_root, tmp_path / "run", make_recipe(lr=0.5, ema=0.9), resume=True)
    assert "optimizer.lr: was 0.01, is 0.5" in caught.value.message
    assert "train.ema" in caught.value.message
    assert "epochs" not in caught.value.message


def test_changed_data_are_not_resumed(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "run", make_recipe())
    other = tiny_training.write_contest(tmp_path / "contest", train=11)
    with pytest.raises(UsageError, match="content of the training split"):
        train(other, tmp_path / "run", make_recipe(), resume=True)


def test_a_run_is_not_overwritten(tiny_root: Path, tmp_path: Path) -> None:
    train(tiny_root, tmp_path / "run", make_recipe(epochs=1))
    with pytest.raises(UsageError, match="already holds a run"):
        train(tiny_root, tmp_path / "run", make_recipe(epochs=1))


def test_a_loss_that_is_no_tensor_is_refused(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny_training, "cross_entropy", lambda context: lambda logits, target: 0.5)
    with pytest.raises(TrashError, match="the loss has type float"):
        train(tiny_root, tmp_path / "run", make_recipe(epochs=1))


def test_a_loss_without_gradient_is_refused(
    tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(context: Any) -> Any:
        return lambda logits, target: (logits.argmax(1) != target).float().mean()

    monkeypatch.setattr(tiny_training, "cross_entropy", make)
    with pytest.raises(TrashError, match="no gradient reaches the network"):
        train(tiny_root, tmp_path / "run", make_recipe(epochs=1))


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("scheduler", lambda part: {**part, "step": 5}, "scheduler has other entries"),
        ("scheduler", lambda part: {**part, "base_lrs": ["x"]}, "scheduler.base_lrs is a str"),
        ("scaler", lambda part: {"scale": 1}, "scaler has other entries"),
        ("optimizer", lambda part: {}, "cannot be resumed"),
        ("optimizer", lambda part: _with_lr(part, "fast"), "param_groups.lr is a str"),
        ("model", lambda part: {"w": torch.zeros(1)}, "cannot be resumed"),
    ],
)
def test_a_forged_state_is_refused_before_it_trains(
    tiny_root: Path, tmp_path: Path, part: str, change: Any, message: str
) -> None:
    train(tiny_root, tmp_path / "run", make_recipe(epochs=1))
    path = tmp_path / "run" / "state.pt"
    content = torch.load(path, weights_only=True)
    content["learner"][part] = change(content["learner"][part])
    torch.save(content, path)
    with pytest.raises(UsageError, match=message):
        train(tiny_root, tmp_path / "run", make_recipe(epochs=2), resume=True)


def _with_lr(part: dict[str, Any], rate: Any) -> dict[str, Any]:
    return {**part, "param_groups": [{**group, "lr": rate} for group in part["param_groups"]]}
