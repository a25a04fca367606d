"""From the logits of several views to one probability map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.data.resize import resize_tensor
from toolkit.recipe.views import Merge

if TYPE_CHECKING:
    from torch import Tensor


def merge_views(logits: Sequence[Tensor], size: tuple[int, int], merge: Merge) -> Tensor:
    """Return the map of one image, float (C, H, W), that sums to 1 over the classes.

    The logits are resized first and become probabilities there. Resizing and the mean of logits can
    change places: where all views have one resolution, "geometric" is the same as the softmax of
    the resized mean of logits, which the winning team computed.

    Args:
        logits: float (C, h, w) of every view, in the original orientation, at any resolution.
        size: (height, width) of the map.
        merge: "mean" or "max" of the probabilities, or "geometric": mean of the logits.
    """
    total: Tensor | None = None
    for each in logits:
        values = resize_tensor(each[None], size)[0]
        if merge != "geometric":
            values = values.softmax(0)
        if total is None:
            total = values.clone() if merge == "geometric" else values
        elif merge == "max":
            total = total.maximum(values)
        else:
            total.add_(values)
    assert total is not None
    if merge == "max":
        return total.div_(total.sum(0))
    total.div_(len(logits))
    return total.softmax(0) if merge == "geometric" else total
