"""template_name: a learning rate that falls in steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from toolkit import Component, Context, UnitInterval, hookimpl

if TYPE_CHECKING:
    from torch.optim.lr_scheduler import LRScheduler

Factor = Annotated[float, Field(gt=0, le=1)]


def make(
    context: Context,
    optimizer: Any,
    *,
    at: tuple[UnitInterval, ...] = (0.6, 0.85),
    factor: Factor = 0.1,
) -> LRScheduler:
    """Make a schedule that multiplies the learning rate at given points of the run.

    Args:
        optimizer: whose learning rate is set.
        at: where it falls, as shares of the run.
        factor: what it is multiplied by, each time.
    """
    # Imported here, so that `trash plugin list` stays quick.
    from torch.optim.lr_scheduler import LambdaLR

    def scale(step: int) -> float:
        passed = sum(step >= share * context.total_steps for share in at)
        return float(factor**passed)

    return LambdaLR(optimizer, scale)


@hookimpl
def trash_schedulers() -> list[Component]:
    """Offer the schedule under the name that recipes use."""
    return [Component("template_name", make, "learning rate in falling steps")]
