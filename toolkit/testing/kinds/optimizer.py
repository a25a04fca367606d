"""The contract of an optimiser."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor

from toolkit.testing.contract import Rule, Subject, require


def _start() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.full((3, 2), 2.0)), torch.nn.Parameter(torch.full((2,), -1.0))]


def _step(optimizer: Any, parameters: list[torch.nn.Parameter]) -> Tensor:
    """Take one step on Σ (w − 1)²; return its value before the step."""
    optimizer.zero_grad()
    value = torch.stack([(p - 1).square().sum() for p in parameters]).sum()
    torch.autograd.backward(value)
    optimizer.step()
    return value.detach()


def is_optimizer(subject: Subject) -> None:
    """Is a torch.optim.Optimizer."""
    made = subject.build(_start())
    require(isinstance(made, torch.optim.Optimizer), f"it is a {type(made).__name__}")


def lowers(subject: Subject) -> None:
    """Lowers a quadratic."""
    parameters = _start()
    optimizer = subject.build(parameters)
    values = [_step(optimizer, parameters) for _ in range(20)]
    require(
        bool(values[-1] < values[0]), f"from {values[0]:.6g} to {values[-1]:.6g} after 20 steps"
    )


def takes_groups(subject: Subject) -> None:
    """Takes parameter groups, each with its own learning rate."""
    still, moving = _start()
    optimizer = subject.build([{"params": [still], "lr": 0.0}, {"params": [moving]}])
    before = still.detach().clone(), moving.detach().clone()
    _step(optimizer, [still, moving])
    require(torch.equal(still, before[0]), "a group with lr = 0 moved")
    require(not torch.equal(moving, before[1]), "the other group did not move")


def state_round_trips(subject: Subject) -> None:
    """Continues exactly from a saved state that loads with weights_only=True."""
    parameters = _start()
    optimizer = subject.build(parameters)
    for _ in range(3):
        _step(optimizer, parameters)
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    fresh = subject.build(copies)
    fresh.load_state_dict(saved_and_loaded(optimizer.state_dict()))
    for _ in range(3):
        _step(optimizer, parameters)
        _step(fresh, copies)
    require(all(map(torch.equal, parameters, copies)), "the resumed parameters differ")


def saved_and_loaded(state: Any) -> Any:
    """Return what a checkpoint gives back for `state`."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


RULES: tuple[Rule, ...] = (is_optimizer, lowers, takes_groups, state_round_trips)
