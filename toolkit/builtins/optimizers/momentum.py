"""Gradient descent with momentum, and its kin.

Their `parameters` are what is optimised: parameters, or groups of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit import Context, UsageError
from toolkit.builtins.optimizers.ranges import Decay, DecoupledDecay, L2Penalty, LearningRate

if TYPE_CHECKING:
    from torch.optim import Optimizer

StepMomentum = Annotated[
    float, Field(ge=0, lt=1, description="share of the last step that is kept.")
]
Nesterov = Annotated[
    bool, Field(description="look ahead along the momentum (which must then be above 0).")
]


def sgd(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 0.01,
    momentum: StepMomentum = 0.9,
    weight_decay: L2Penalty = 1e-4,
    nesterov: Nesterov = False,
) -> Optimizer:
    """Make stochastic gradient descent with momentum."""
    from torch.optim import SGD

    _check_nesterov(nesterov, momentum)
    return SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=nesterov)


def sgdw(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-4,
    momentum: StepMomentum = 0.9,
    weight_decay: DecoupledDecay = 1e-6,
    nesterov: Nesterov = False,
) -> Optimizer:
    """Make SGD with decoupled weight decay (Loshchilov & Hutter, arXiv:1711.05101).

    Every step shrinks the weights by lr × weight_decay, apart from the gradient and its momentum.
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
    momentum: StepMomentum = 0.9,
    weight_decay: Decay = 0.0,
    nesterov: Nesterov = False,
) -> Optimizer:
    """Make SGDP: SGD whose steps do not lengthen scale-invariant weights (arXiv:2006.08217).

    A weight that is at a right angle to its gradient, as before a norm, is scale-invariant: the
    part of the step along the weight is taken out, and its decay is a tenth.

    Args:
        weight_decay: decoupled weight decay; as strong as SGD's L2 penalty of that number.
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
