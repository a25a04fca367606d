"""The contract of a scheduler."""

from __future__ import annotations

import math
from typing import Any

import torch

from toolkit.plugin.interfaces import ListensToValidation
from toolkit.testing.contract import Rule, Subject, require
from toolkit.testing.kinds.optimizer import save_and_load

_LR = 1e-3


def _optimizer(*rates: float) -> torch.optim.Optimizer:
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups, lr=_LR)


def _walk(
    optimizer: torch.optim.Optimizer, scheduler: Any, steps: int, epoch: int
) -> list[list[float]]:
    """Return the learning rates of each of `steps` steps; every `epoch` steps it is validated."""
    rates = []
    for step in range(1, steps + 1):
        rates.append([float(group["lr"]) for group in optimizer.param_groups])
        optimizer.step()
        scheduler.step()
        if step % epoch == 0 and isinstance(scheduler, ListensToValidation):
            # Neither figure improves: a schedule that listens has something to do.
            scheduler.validated(0.5, 0.3)
    return rates


def covers_the_run(subject: Subject) -> None:
    """Steps once per optimiser step of the run, with finite learning rates of at least 0."""
    optimizer = _optimizer(_LR)
    scheduler = subject.build(optimizer)
    rates = _walk(
        optimizer, scheduler, subject.context.total_steps + 1, subject.context.steps_per_epoch
    )
    bad = [step for step, rate in enumerate(rates) if not _valid(rate)]
    require(not bad, f"the learning rate of step {bad[0] if bad else 0} is not valid")
    require(any(rate != [0.0] for rate in rates[:-1]), "the learning rate is 0 in every step")


def trains_in_the_last_step(subject: Subject) -> None:
    """Has a learning rate above 0 in the last step: it ends after it, not before."""
    for total in (subject.context.total_steps, 2):
        optimizer = _optimizer(_LR)
        scheduler = subject.build(optimizer, epochs=1, steps_per_epoch=total)
        rates = _walk(optimizer, scheduler, total, total)
        require(rates[-1][0] > 0, f"in step {total} of {total} the learning rate is 0")


def takes_one_step(subject: Subject) -> None:
    """Works in a run of a single step, as in --smoke."""
    optimizer = _optimizer(_LR)
    scheduler = subject.build(optimizer, epochs=1, steps_per_epoch=1)
    rates = _walk(optimizer, scheduler, 2, epoch=1)
    require(all(map(_valid, rates)), f"learning rates {[rate for (rate,) in rates]}")


def follows_groups(subject: Subject) -> None:
    """Keeps a parameter group with a lower learning rate below the others, and one with 0 at 0."""
    optimizer = _optimizer(_LR, 0.1 * _LR, 0.0)
    scheduler = subject.build(optimizer)
    rates = _walk(
        optimizer, scheduler, subject.context.total_steps, subject.context.steps_per_epoch
    )
    for step, (high, low, none) in enumerate(rates):
        what = f"made with {_LR:g}, {0.1 * _LR:g} and 0, have {high:g}, {low:g} and {none:g}"
        require(low <= high and none == 0, f"in step {step} groups that were {what}")
    require(any(low < high for high, low, _ in rates), "all groups have the same learning rates")


def state_round_trips(subject: Subject) -> None:
    """Continues exactly from a saved state that loads with weights_only=True."""
    # Short epochs, so that one that watches validation has done something before and after.
    times = {"epochs": subject.context.total_steps // 5, "steps_per_epoch": 5}
    optimizer = _optimizer(_LR, 0.1 * _LR)
    scheduler = subject.build(optimizer, **times)
    half = subject.context.total_steps // 2
    _walk(optimizer, scheduler, half, epoch=5)
    saved = save_and_load([optimizer.state_dict(), scheduler.state_dict()])
    resumed_optimizer = _optimizer(_LR, 0.1 * _LR)
    resumed = subject.build(resumed_optimizer, **times)
    resumed_optimizer.load_state_dict(saved[0])
    resumed.load_state_dict(saved[1])
    expected = _walk(optimizer, scheduler, half, epoch=5)
    require(
        _walk(resumed_optimizer, resumed, half, epoch=5) == expected,
        "the resumed learning rates differ",
    )


def _valid(rates: list[float]) -> bool:
    return all(math.isfinite(rate) and rate >= 0 for rate in rates)


RULES: tuple[Rule, ...] = (
    covers_the_run,
    trains_in_the_last_step,
    takes_one_step,
    follows_groups,
    state_round_trips,
)
