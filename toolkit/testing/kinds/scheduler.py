"""The contract of a scheduler."""

from __future__ import annotations

import math
from typing import Any

import torch

from toolkit.testing.contract import CONTEXT, Rule, Subject, require
from toolkit.testing.kinds.optimizer import saved_and_loaded

_LR = 1e-3


def _optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=_LR)


def _walk(optimizer: torch.optim.Optimizer, scheduler: Any, steps: int) -> list[float]:
    """Return the learning rate of each of `steps` steps."""
    rates = []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def covers_the_run(subject: Subject) -> None:
    """Steps once per optimiser step of the run, with finite learning rates of at least 0."""
    optimizer = _optimizer()
    scheduler = subject.build(optimizer)
    rates = _walk(optimizer, scheduler, CONTEXT.total_steps + 1)
    bad = [step for step, rate in enumerate(rates) if not math.isfinite(rate) or rate < 0]
    require(not bad, f"the learning rate of step {bad[0] if bad else 0} is not valid")
    require(any(rates[:-1]), "the learning rate is 0 in every step")


def takes_one_step(subject: Subject) -> None:
    """Works in a run of a single step, as in --smoke."""
    optimizer = _optimizer()
    scheduler = subject.build(optimizer, epochs=1, steps_per_epoch=1)
    rates = _walk(optimizer, scheduler, 2)
    require(all(math.isfinite(rate) and rate >= 0 for rate in rates), f"learning rates {rates}")


def state_round_trips(subject: Subject) -> None:
    """Continues exactly from a saved state that loads with weights_only=True."""
    optimizer = _optimizer()
    scheduler = subject.build(optimizer)
    half = CONTEXT.total_steps // 2
    _walk(optimizer, scheduler, half)
    saved = saved_and_loaded([optimizer.state_dict(), scheduler.state_dict()])
    resumed_optimizer = _optimizer()
    resumed = subject.build(resumed_optimizer)
    resumed_optimizer.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    expected = _walk(optimizer, scheduler, half)
    require(
        _walk(resumed_optimizer, resumed, half) == expected, "the resumed learning rates differ"
    )


RULES: tuple[Rule, ...] = (covers_the_run, takes_one_step, state_round_trips)
