"""Optimisers."""

from __future__ import annotations

from toolkit import Component, hookimpl
from toolkit.builtins.optimizers.adaptive import adam, adamp, adamw, lion, madgrad
from toolkit.builtins.optimizers.momentum import sgd, sgdp, sgdw
from toolkit.builtins.optimizers.schedule_free import schedule_free_adamw, schedule_free_sgd


@hookimpl
def trash_optimizers() -> list[Component]:
    """Return the built-in optimisers."""
    return [
        Component("adamw", adamw, "Adam with decoupled weight decay"),
        Component("adam", adam, "Adam with weight decay as an L2 penalty"),
        Component("sgd", sgd, "stochastic gradient descent with momentum"),
        Component("madgrad", madgrad, "dual averaging with adaptive steps and momentum"),
        Component("adamp", adamp, "Adam that lets scale-invariant weights grow less"),
        Component("sgdp", sgdp, "SGD that lets scale-invariant weights grow less"),
        Component("sgdw", sgdw, "SGD with decoupled weight decay"),
        Component("lion", lion, "steps by the sign of the averaged gradient"),
        Component("schedule_free_adamw", schedule_free_adamw, "AdamW that needs no schedule"),
        Component("schedule_free_sgd", schedule_free_sgd, "SGD that needs no schedule"),
    ]
