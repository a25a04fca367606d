"""Gradient descent with momentum, and its kin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from toolkit import Context, UsageError
from toolkit.builtins.optimizers.ranges import Decay, LearningRate, Momentum

if TYPE_CHECKING:
    from torch.optim import Optimizer


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

    _check_nesterov(nesterov, momentum)
    return SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


def sgdw(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-4,
    momentum: Momentum = 0.9,
    weight_decay: Decay = 1e-6,
    nesterov: bool = False,
) -> Optimizer:
    """Make SGD with decoupled weight decay (Loshchilov & Hutter, arXiv:1711.05101).

    Every step shrinks the weights by lr × weight_decay, apart from the gradient and its momentum.

    Args:
        parameters: what to optimise: parameters, or groups of them.
        lr: learning rate; the peak when a schedule moves it.
        momentum: share of the last step that is kept.
        weight_decay: decoupled weight decay.
        nesterov: look ahead along the momentum (which must then be above 0).
    """
    from timm.optim import SGDW

    _check_nesterov(nesterov, momentum)
    made: Optimizer = SGDW(
        parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )
    return made


def sgdp(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-5,
    momentum: Momentum = 0.9,
    weight_decay: Decay = 0.0,
    nesterov: bool = False,
) -> Optimizer:
    """Make SGDP: SGD whose steps do not lengthen scale-invariant weights (arXiv:2006.08217).

    A weight that is at a right angle to its gradient, as before a norm, is scale-invariant: the
    part of the step along the weight is taken out, and its decay is a tenth.

    Args:
        parameters: what to optimise: parameters, or groups of them.
        lr: learning rate; the peak when a schedule moves it.
        momentum: share of the last step that is kept.
        weight_decay: decoupled weight decay; as strong as SGD's L2 penalty of that number.
        nesterov: look ahead along the momentum (which must then be above 0).
    """
    from timm.optim import SGDP

    _check_nesterov(nesterov, momentum)
    made: Optimizer = SGDP(
        parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov
    )
    return made


def _check_nesterov(nesterov: bool, momentum: float) -> None:
    if nesterov and momentum == 0:
        raise UsageError(
            "nesterov needs a momentum above 0", "Set momentum = 0.9.", parameter="nesterov"
        )
