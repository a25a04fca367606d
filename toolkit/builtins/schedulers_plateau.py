"""A schedule that watches validation."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

_REMEMBERED = ("best", "num_bad_epochs")


class Plateau:
    """Lowers the learning rates by a factor when validation has stopped improving.

    The rate of a group is its peak × the level × the share of the warm-up that is over.

    Args:
        optimizer: whose learning rates are set; now they are the peaks.
        factor: of the level, 0…1.
        patience: validations in a row without an improvement that are let pass.
        watch: which figure should improve.
        lowest: lowest level, 0…1.
        warmup_steps: optimiser steps in which the rates rise from 0.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        factor: float,
        patience: int,
        watch: Literal["val_loss", "val_score"],
        lowest: float,
        warmup_steps: int,
    ) -> None:
        self._optimizer = optimizer
        # Kept in the optimiser's state too, under the name that torch's schedules give it.
        self._peaks = [
            group.setdefault("initial_lr", group["lr"]) for group in optimizer.param_groups
        ]
        self._watch = watch
        self._warmup_steps = warmup_steps
        self._steps = 0
        # torch's watcher lowers the rate of an optimiser; this one has the level for its rate.
        self._level = SGD([torch.zeros(1)], lr=1.0)
        self._watcher = ReduceLROnPlateau(
            self._level,
            mode="min" if watch == "val_loss" else "max",
            factor=factor,
            patience=patience,
            min_lr=lowest,
        )
        self._set_rates()

    def step(self) -> None:
        """Move on after an optimiser step."""
        self._steps += 1
        self._set_rates()

    def validated(self, loss: float, merit: float) -> None:
        """Look at a validation.

        Args:
            loss: mean over the counted pixels.
            merit: score by the recipe's metric, negative where smaller is better.
        """
        if self._steps < self._warmup_steps:
            return
        self._watcher.step(loss if self._watch == "val_loss" else merit)
        self._set_rates()

    def _set_rates(self) -> None:
        share = self._level.param_groups[0]["lr"]
        if self._steps < self._warmup_steps:
            share *= self._steps / self._warmup_steps
        for group, peak in zip(self._optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * share

    def state_dict(self) -> dict[str, Any]:
        """Return plain numbers: what a recipe says is not among them."""
        remembered = {name: getattr(self._watcher, name) for name in _REMEMBERED}
        return {"steps": self._steps, "level": self._level.param_groups[0]["lr"], **remembered}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._steps = state["steps"]
        self._level.param_groups[0]["lr"] = state["level"]
        for name in _REMEMBERED:
            setattr(self._watcher, name, state[name])
        self._set_rates()
