"""Schedule-free optimisers: an average of the weights takes the place of a falling learning rate.

Gradients are taken at other weights than those that are validated and saved: `train()` and
`eval()` of the optimiser switch between them. The recipe's schedule stays "constant" without
warm-up, which is theirs. Running statistics of batch norms belong to the weights in training.
Their `parameters` are what is optimised: parameters, or groups of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit import Context, UnitInterval
from toolkit.builtins.optimizers.ranges import Decay, Momentum

if TYPE_CHECKING:
    from torch.optim import Optimizer

Averaging = Annotated[float, Field(gt=0, lt=1)]
"""Share of an average that is kept, where a rule divides by it."""
WarmLearningRate = Annotated[float, Field(gt=0, description="learning rate after the warm-up.")]
Warmup = Annotated[
    UnitInterval, Field(description="share of the run in which the rate rises linearly from 0.")
]


def schedule_free_adamw(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: WarmLearningRate = 5e-4,
    weight_decay: Decay = 1e-6,
    betas: tuple[Averaging, Momentum] = (0.9, 0.999),
    warmup: Warmup = 0.05,
) -> Optimizer:
    """Make schedule-free AdamW (Defazio et al., arXiv:2405.15682).

    Use it with the schedule "constant". Good learning rates are 1 to 10 times those of adamw. A run
    that is made longer keeps the warm-up it began with.

    Args:
        weight_decay: decoupled weight decay, of the weights that the gradient is taken at.
        betas: share of the averaged weights in those that the gradient is taken at, and decay of
            the average of the squared gradient.
    """
    from schedulefree import AdamWScheduleFree

    steps = int(context.total_steps * warmup)
    made: Optimizer = AdamWScheduleFree(
        parameters, lr=lr, weight_decay=weight_decay, betas=betas, warmup_steps=steps
    )
    return made


def schedule_free_sgd(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: WarmLearningRate = 0.1,
    momentum: Averaging = 0.9,
    weight_decay: Decay = 1e-4,
    warmup: Warmup = 0.05,
) -> Optimizer:
    """Make schedule-free SGD (Defazio et al., arXiv:2405.15682).

    Use it with the schedule "constant". Good learning rates are 10 to 50 times those of sgd. A run
    that is made longer keeps the warm-up it began with.

    Args:
        momentum: share of the averaged weights in those that the gradient is taken at.
        weight_decay: L2 penalty, of the weights that the gradient is taken at.
    """
    from schedulefree import SGDScheduleFree

    steps = int(context.total_steps * warmup)
    made: Optimizer = SGDScheduleFree(
        parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, warmup_steps=steps
    )
    return made
