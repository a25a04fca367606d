"""Optimisers that adapt the step to each weight.

Their `parameters` are what is optimised: parameters, or groups of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit import Context
from toolkit.builtins.optimizers.ranges import (
    Decay,
    DecoupledDecay,
    L2Penalty,
    LearningRate,
    Momentum,
)

if TYPE_CHECKING:
    from torch.optim import Optimizer

Betas = Annotated[
    tuple[Momentum, Momentum],
    Field(description="decay of the averages of the gradient and of its square."),
]


def adamw(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-4,
    weight_decay: DecoupledDecay = 1e-6,
    betas: Betas = (0.9, 0.999),
) -> Optimizer:
    """Make AdamW (Loshchilov & Hutter, arXiv:1711.05101)."""
    from torch.optim import AdamW

    return AdamW(parameters, lr=lr, weight_decay=weight_decay, betas=betas)


def adam(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-4,
    weight_decay: Decay = 1e-6,
    betas: Betas = (0.9, 0.999),
) -> Optimizer:
    """Make Adam (Kingma & Ba, arXiv:1412.6980); adamw decays weights better.

    Args:
        weight_decay: L2 penalty: it is part of the gradient, and so divided by its average size.
    """
    from torch.optim import Adam

    return Adam(parameters, lr=lr, weight_decay=weight_decay, betas=betas)


def adamp(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-4,
    weight_decay: DecoupledDecay = 0.0,
    betas: Betas = (0.9, 0.999),
    nesterov: bool = False,
) -> Optimizer:
    """Make AdamP: Adam whose steps do not lengthen scale-invariant weights (arXiv:2006.08217).

    A weight that is at a right angle to its gradient, as before a norm, is scale-invariant: the
    part of the step along the weight is taken out, and its decay is a tenth.

    Args:
        nesterov: look ahead along the average of the gradient.
    """
    from timm.optim import AdamP

    made: Optimizer = AdamP(
        parameters, lr=lr, weight_decay=weight_decay, betas=betas, nesterov=nesterov
    )
    return made


def madgrad(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 5e-4,
    momentum: Momentum = 0.9,
    weight_decay: L2Penalty = 1e-6,
) -> Optimizer:
    """Make MADGRAD, dual averaging with a cube root and momentum (arXiv:2101.11075).

    It needs less weight decay than others, often none, and its learning rates compare to nobody's.

    Args:
        lr: learning rate; the peak when a schedule moves it. At 0 the weights stay as they are.
        momentum: share of the last iterate that is kept.
    """
    from timm.optim import MADGRAD

    made: Optimizer = MADGRAD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)
    made.register_step_pre_hook(drop_gradients_at_zero)
    return made


def lion(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 3e-5,
    weight_decay: DecoupledDecay = 3e-6,
    betas: tuple[Momentum, Momentum] = (0.9, 0.99),
) -> Optimizer:
    """Make Lion, which steps by the sign of an average of the gradient (arXiv:2302.06675).

    Its steps are longer than AdamW's: the paper takes 3 to 10 times less learning rate and as many
    times more weight decay. The defaults are a third and three times those of adamw.

    Args:
        betas: share of the average in the step, and decay of the average.
    """
    from timm.optim import Lion

    made: Optimizer = Lion(parameters, lr=lr, weight_decay=weight_decay, betas=betas)
    return made


def drop_gradients_at_zero(optimizer: Optimizer, arguments: Any, options: Any) -> None:
    """Make a step pass over the groups whose learning rate is 0; called before each step.

    MADGRAD adds its eps of 1e-6 to the learning rate, and its first steps go with the rate's power
    of 2/3: what is meant to stand still would move by 1e-5 a step.
    """
    for group in optimizer.param_groups:
        if group["lr"] == 0:
            for parameter in group["params"]:
                parameter.grad = None
