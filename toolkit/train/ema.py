"""Moving average of a network's weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import nn


class Ema:
    """A copy of the network whose weights follow it slowly.

    After step n the decay is min(decay, (1 + n) / (10 + n)), so that the untrained weights are
    forgotten early (the schedule of TensorFlow's ExponentialMovingAverage). Buffers are copied.

    Args:
        model: the network on its device.
        decay: share of the average that stays at each step, 0 … 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self._decay = decay
        self._steps = 0

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Follow the network after one optimiser step."""
        self._steps += 1
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        ours = [parameter.data for parameter in self.model.parameters()]
        theirs = [parameter.data for parameter in model.parameters()]
        torch._foreach_lerp_(ours, theirs, 1 - decay)
        for our, their in zip(self.model.buffers(), model.buffers(), strict=True):
            our.copy_(their)

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights and the number of steps."""
        return {"model": self.model.state_dict(), "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self._steps = state["steps"]
