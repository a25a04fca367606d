"""The contract of an optimiser."""

from __future__ import annotations

import io
from typing import Any

import torch
from torch import Tensor

from toolkit.plugin.interfaces import SwitchesWeights
from toolkit.testing.contract import Rule, Subject, require


def _start() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.full((3, 2), 2.0)), torch.nn.Parameter(torch.full((2,), -1.0))]


def _value(parameters: list[torch.nn.Parameter]) -> Tensor:
    return torch.stack([(p - 1).square().sum() for p in parameters]).sum()


def _step(optimizer: Any, parameters: list[torch.nn.Parameter]) -> Tensor:
    """Take one step on Σ (w − 1)²; return its value before the step."""
    optimizer.zero_grad()
    value = _value(parameters)
    torch.autograd.backward(value)
    optimizer.step()
    return value.detach()


def _to_training(optimizer: Any) -> None:
    if isinstance(optimizer, SwitchesWeights):
        optimizer.train()


def _to_saving(optimizer: Any) -> None:
    if isinstance(optimizer, SwitchesWeights):
        optimizer.eval()


def is_optimizer(subject: Subject) -> None:
    """Is a torch.optim.Optimizer.

    One that saves other weights than it trains has both `train()` and `eval()`.
    """
    made = subject.build(_start())
    require(isinstance(made, torch.optim.Optimizer), f"it is a {type(made).__name__}")
    modes = [mode for mode in ("train", "eval") if mode in dir(made)]
    require(len(modes) != 1, f"it has {''.join(modes)}() alone")


def lowers(subject: Subject) -> None:
    """Lowers a quadratic.

    At the weights that it trains and at those that it saves.
    """
    parameters = _start()
    optimizer = subject.build(parameters)
    _to_training(optimizer)
    values = [_step(optimizer, parameters) for _ in range(20)]
    require(
        bool(values[-1] < values[0]), f"from {values[0]:.6g} to {values[-1]:.6g} after 20 steps"
    )
    _to_saving(optimizer)
    saved = _value(parameters)
    require(
        bool(saved < values[0]), f"the saved weights have {saved:.6g}, not below {values[0]:.6g}"
    )


def takes_groups(subject: Subject) -> None:
    """Takes parameter groups, each with its own learning rate."""
    still, moving = _start()
    optimizer = subject.build([{"params": [still], "lr": 0.0}, {"params": [moving]}])
    before = still.detach().clone(), moving.detach().clone()
    _to_training(optimizer)
    for _ in range(3):
        _step(optimizer, [still, moving])
    _to_saving(optimizer)
    require(torch.equal(still, before[0]), "a group with lr = 0 moved")
    require(not torch.equal(moving, before[1]), "the other group did not move")


def follows_a_schedule(subject: Subject) -> None:
    """Uses the learning rate that its groups have at each step, as schedules change it."""
    results = []
    for factor in (1.0, 0.1):
        parameters = _start()
        optimizer = subject.build(parameters)
        _steps_of_an_epoch(optimizer, parameters)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        _steps_of_an_epoch(optimizer, parameters)
        results.append(parameters)
    require(
        not all(map(torch.equal, *results)),
        "a tenth of the learning rate after three steps changes nothing",
    )


def decays_by_group(subject: Subject) -> None:
    """Uses each group's own weight decay: norms and biases may have none."""
    still, decayed = _start()
    groups = [
        {"params": [still], "weight_decay": 0.0},
        {"params": [decayed], "weight_decay": 0.5},
    ]
    if "weight_decay" not in subject.build(_start()).defaults:
        return
    optimizer = subject.build(groups)
    before = still.detach().clone(), decayed.detach().clone()
    _to_training(optimizer)
    for _ in range(3):
        for parameter in (still, decayed):
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    _to_saving(optimizer)
    require(torch.equal(still, before[0]), "without gradient and weight decay a group moved")
    require(not torch.equal(decayed, before[1]), "the weight decay of a group does nothing")


def skips_what_has_no_gradient(subject: Subject) -> None:
    """Leaves parameters without a gradient as they are: they are frozen."""
    frozen, moving = _start()
    optimizer = subject.build([frozen, moving])
    before = frozen.detach().clone()
    _to_training(optimizer)
    for _ in range(3):
        _step(optimizer, [moving])
    _to_saving(optimizer)
    require(torch.equal(frozen, before), "a parameter without a gradient moved")


def state_round_trips(subject: Subject) -> None:
    """Continues exactly from a saved state that loads with weights_only=True."""
    parameters = _start()
    optimizer = subject.build(parameters)
    _steps_of_an_epoch(optimizer, parameters)
    copies = [torch.nn.Parameter(p.detach().clone()) for p in parameters]
    fresh = subject.build(copies)
    fresh.load_state_dict(save_and_load(optimizer.state_dict()))
    _steps_of_an_epoch(optimizer, parameters)
    _steps_of_an_epoch(fresh, copies)
    require(all(map(torch.equal, parameters, copies)), "the resumed parameters differ")


def _steps_of_an_epoch(optimizer: Any, parameters: list[torch.nn.Parameter]) -> None:
    """Take three steps as an epoch does: afterwards the weights are those to be saved."""
    _to_training(optimizer)
    for _ in range(3):
        _step(optimizer, parameters)
    _to_saving(optimizer)


def save_and_load(state: Any) -> Any:
    """Return what a checkpoint gives back for `state`."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


RULES: tuple[Rule, ...] = (
    is_optimizer,
    lowers,
    takes_groups,
    follows_a_schedule,
    decays_by_group,
    skips_what_has_no_gradient,
    state_round_trips,
)
