"""Groups with a learning rate of 0 stand still."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer


def drop_gradients_at_zero(optimizer: Optimizer, arguments: Any, options: Any) -> None:
    """Make a step pass over the groups whose learning rate is 0; called before each step.

    MADGRAD adds its eps of 1e-6 to the learning rate, and its first steps go with the rate's power
    of 2/3: what is meant to stand still would move by 1e-5 a step.
    """
    for group in optimizer.param_groups:
        if group["lr"] == 0:
            for parameter in group["params"]:
                parameter.grad = None
