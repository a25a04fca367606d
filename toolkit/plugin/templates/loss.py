"""template_name: cross entropy of the hardest pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

Share = Annotated[float, Field(gt=0, le=1)]


class HardestPixels:
    """Mean cross entropy over the share of the pixels that cost most."""

    def __init__(self, share: float, ignore_index: int) -> None:
        self.share = share
        self.ignore_index = ignore_index

    def __call__(self, logits: Tensor, target: Tensor) -> Tensor:
        """Logits (B, C, H, W), target int64 (B, H, W) -> scalar; ignored pixels do not count."""
        from torch.nn import functional

        logits = logits.float()
        costs = functional.cross_entropy(
            logits, target, ignore_index=self.ignore_index, reduction="none"
        )
        counted = costs[target != self.ignore_index]
        if len(counted) == 0:
            return logits.sum() * 0
        hardest = counted.topk(max(1, int(self.share * len(counted)))).values
        return hardest.mean()


def make(context: Context, *, share: Share = 0.25) -> HardestPixels:
    """Make the cross entropy of the hardest pixels.

    Args:
        share: share of the pixels that count.
    """
    return HardestPixels(share, context.ignore_index)


@hookimpl
def trash_losses() -> list[Component]:
    """Offer the loss under the name that recipes use."""
    return [Component("template_name", make, "cross entropy of hardest pixels")]
