"""Optimisers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit import Component, Context, UsageError, hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

LearningRate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


def adamw(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-4,
    weight_decay: Decay = 1e-6,
    betas: tuple[Momentum, Momentum] = (0.9, 0.999),
) -> Optimizer:
    """Make AdamW.

    Args:
        parameters: what to optimise: parameters, or groups of them.
        lr: learning rate; the peak when a schedule moves it.
        weight_decay: decoupled weight decay.
        betas: decay of the averages of the gradient and of its square.
    """
    from torch.optim import AdamW

    return AdamW(parameters, lr=lr, weight_decay=weight_decay, betas=betas)


def sgd(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 0.01,
    momentum: Momentum = 0.9,
    weight_decay: Decay = 1e-4,
    nesterov: bool = False,
) -> Optimizer:
    """Make stochastic gradient descent with momentum.

    Args:
        parameters: what to optimise: parameters, or groups of them.
        lr: learning rate; the peak when a schedule moves it.
        momentum: share of the last step that is kept.
        weight_decay: L2 penalty.
        nesterov: look ahead along the momentum (which must then be above 0).
    """
    from torch.optim import SGD

    if nesterov and momentum == 0:
        raise UsageError("nesterov needs a momentum above 0", "Set momentum = 0.9.")
    return SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


@hookimpl
def trash_optimizers() -> list[Component]:
    """Return the built-in optimisers."""
    return [
        Component("adamw", adamw, "Adam with decoupled weight decay"),
        Component("sgd", sgd, "stochastic gradient descent with momentum"),
    ]
