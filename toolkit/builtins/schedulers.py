"""Learning-rate schedules, stepped after every optimiser step.

`optimizer` is the one whose learning rates are set: its own rate is the (first) peak. All schedules
but `plateau` are functions of the step alone, so a resumed run continues exactly, and one that is
made longer follows the longer plan.

Groups with other learning rates keep their ratio to the first group's at every step: `min_lr` is
the first group's lowest rate and scales with the peak for the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from toolkit import Component, Context, UnitInterval, UsageError, hookimpl

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler

    from toolkit.builtins.schedulers_plateau import Plateau

MinLearningRate = Annotated[float, Field(ge=0, description="lowest learning rate.")]
BelowOne = Annotated[float, Field(ge=0, lt=1)]
Warmup = Annotated[
    BelowOne, Field(description="share of the run in which the rate rises from min_lr.")
]
Share = Annotated[float, Field(gt=0, le=1)]

Shape = Callable[[int], tuple[float, float]]
"""Step -> (height 0…1 between the lowest lr and the peak, factor of the peak)."""


def constant(context: Context, optimizer: Any, *, warmup: UnitInterval = 0.0) -> LRScheduler:
    """Keep the learning rate, after an optional linear warm-up.

    Args:
        warmup: share of the run in which the rate rises from 0.
    """
    steps = int(context.total_steps * warmup)
    return _scheduler(optimizer, lambda step: (step / steps if step < steps else 1.0, 1.0), 0.0)


def cosine(
    context: Context,
    optimizer: Any,
    *,
    warmup: Warmup = 0.0,
    min_lr: MinLearningRate = 0.0,
) -> LRScheduler:
    """Rise linearly to the peak, then fall along a cosine to `min_lr` at the end of the run."""
    return cosine_restarts(context, optimizer, cycles=1, warmup=warmup, min_lr=min_lr)


def cosine_restarts(
    context: Context,
    optimizer: Any,
    *,
    cycles: PositiveInt = 3,
    warmup: BelowOne = 0.25,
    min_lr: MinLearningRate = 1e-5,
    mult: Annotated[float, Field(gt=0)] = 1.0,
    gamma: Share = 0.5,
) -> LRScheduler:
    """Repeat warm-up and cosine decay, each cycle with a lower peak (arXiv:1608.03983, per step).

    Args:
        cycles: number of cycles that fill the run.
        warmup: share of the first cycle in which the rate rises linearly; as many steps in each.
        min_lr: learning rate at the start and the end of every cycle.
        mult: factor of the decaying part's length from one cycle to the next.
        gamma: factor of the peak from one cycle to the next.
    """
    # Σ (1 - warmup)·mult^k + warmup first cycles fill the run.
    first_cycles = sum((1 - warmup) * mult**k + warmup for k in range(cycles))
    length = max(1, int(context.total_steps / first_cycles))
    rise = int(length * warmup)

    def shape(step: int) -> tuple[float, float]:
        cycle, inside, fall = _position(step, length, rise, mult)
        if cycle >= cycles:
            # Lengths are whole steps: the few that are left over must not begin at a peak.
            return 0.0, 1.0
        if inside < rise:
            return inside / rise, gamma**cycle
        return (1 + math.cos(math.pi * (inside - rise) / fall)) / 2, gamma**cycle

    return _scheduler(optimizer, shape, min_lr)


def _position(step: int, length: int, rise: int, mult: float) -> tuple[int, int, int]:
    """Return (cycle, step inside it, its falling steps)."""
    cycle, fall = 0, length - rise
    while step >= rise + fall:
        step -= rise + fall
        cycle += 1
        fall = max(1, int(fall * mult))
    return cycle, step, fall


def poly(
    context: Context,
    optimizer: Any,
    *,
    power: Annotated[float, Field(gt=0)] = 0.9,
    warmup: Warmup = 0.0,
    min_lr: MinLearningRate = 0.0,
) -> LRScheduler:
    """Fall as (1 − step / steps)^power, as DeepLab does (arXiv:1606.00915).

    Args:
        power: 1 falls in a line; smaller values stay high longer.
    """
    rise = int(context.total_steps * warmup)
    fall = max(1, context.total_steps - rise)

    def shape(step: int) -> tuple[float, float]:
        if step < rise:
            return step / rise, 1.0
        return max(0.0, 1 - (step - rise) / fall) ** power, 1.0

    return _scheduler(optimizer, shape, min_lr)


def one_cycle(
    context: Context,
    optimizer: Any,
    *,
    warmup: BelowOne = 0.3,
    start_factor: Share = 0.04,
    end_factor: Annotated[float, Field(ge=0, le=1)] = 1e-4,
) -> LRScheduler:
    """Rise along a cosine to the peak, then fall along one far below the start (arXiv:1708.07120).

    The steps are those of torch's OneCycleLR: the peak is one step before the end of the warm-up,
    the lowest rate is that of the last step.

    Args:
        warmup: share of the run in which the rate rises.
        start_factor: learning rate of the first step / peak.
        end_factor: learning rate of the last step / peak.
    """
    last = max(context.total_steps - 1, 0)
    top = max(context.total_steps * warmup - 1, 0.0)

    def shape(step: int) -> tuple[float, float]:
        if step < top:
            return _along_cosine(start_factor, 1.0, step / top), 1.0
        done = (min(step, last) - top) / (last - top) if last > top else 0.0
        return _along_cosine(1.0, end_factor, done), 1.0

    return _scheduler(optimizer, shape, 0.0)


def _along_cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2


def plateau(
    context: Context,
    optimizer: Any,
    *,
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5,
    patience: NonNegativeInt = 2,
    watch: Literal["val_loss", "val_score"] = "val_loss",
    min_lr: MinLearningRate = 0.0,
    warmup: BelowOne = 0.0,
) -> Plateau:
    """Lower the learning rate whenever validation has stopped improving.

    An improvement is one of at least a ten-thousandth of the best figure so far. Validations during
    the warm-up are not looked at.

    Args:
        factor: what the rate is multiplied by.
        patience: validations in a row without an improvement that are let pass; the next one
            lowers the rate.
        watch: "val_loss", or "val_score", the score by the recipe's metric.
        warmup: share of the run in which the rate first rises from 0.
    """
    from toolkit.builtins.schedulers_plateau import Plateau

    peak = _peak(optimizer, min_lr)
    return Plateau(
        optimizer,
        factor=factor,
        patience=patience,
        watch=watch,
        lowest=min_lr / peak,
        warmup_steps=int(context.total_steps * warmup),
    )


def _scheduler(optimizer: Any, shape: Shape, min_lr: float) -> LRScheduler:
    """Make a scheduler whose state is plain numbers; all groups follow the first one's shape."""
    from torch.optim.lr_scheduler import LambdaLR

    peak = _peak(optimizer, min_lr)

    def factor(step: int) -> float:
        height, decay = shape(step)
        top = max(peak * decay, min_lr)
        return (min_lr + (top - min_lr) * height) / peak

    return LambdaLR(optimizer, factor)


def _peak(optimizer: Any, min_lr: float) -> float:
    """Return the peak of the first group that moves; refuse a lowest rate above it."""
    peaks = (float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups)
    peak = next(filter(None, peaks), 1.0)
    if min_lr > peak:
        raise UsageError(
            f"min_lr = {min_lr:g} is above the optimiser's learning rate {peak:g}",
            "Lower scheduler.min_lr or raise optimizer.lr.",
            parameter="min_lr",
        )
    return peak


@hookimpl
def trash_schedulers() -> list[Component]:
    """Return the built-in schedules."""
    return [
        Component("constant", constant, "constant learning rate, with optional warm-up"),
        Component("cosine", cosine, "warm-up and one cosine decay"),
        Component("cosine_restarts", cosine_restarts, "cosine cycles with warm-up and lower peaks"),
        Component("poly", poly, "polynomial decay", ("polynomial",)),
        Component("one_cycle", one_cycle, "one cosine rise and a longer fall", ("onecycle",)),
        Component("plateau", plateau, "lower rate when validation no longer improves"),
    ]
