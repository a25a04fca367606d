"""template_name: RMSprop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from torch.optim import Optimizer

LearningRate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]


def make(
    context: Context,
    parameters: Iterable[Any],
    *,
    lr: LearningRate = 1e-3,
    weight_decay: Decay = 0.0,
) -> Optimizer:
    """Make RMSprop.

    Args:
        parameters: what to optimise.
        lr: learning rate.
        weight_decay: L2 penalty.
    """
    # Imported here, so that `trash plugin list` stays quick.
    from torch.optim import RMSprop

    return RMSprop(parameters, lr=lr, weight_decay=weight_decay)


@hookimpl
def trash_optimizers() -> list[Component]:
    """Offer the optimiser under the name that recipes use."""
    return [Component("template_name", make, "RMSprop")]
