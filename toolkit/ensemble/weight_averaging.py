"""One network from several: the mean of their weights ("model soup", arXiv:2203.05482)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from toolkit.errors import UsageError
from toolkit.train.device import Compute

State = Mapping[str, Tensor]


def average_states(states: Sequence[State], weights: Sequence[float]) -> dict[str, Tensor]:
    """Return the weighted mean of the weights of equal networks, in the number type of the first.

    Whole numbers, such as counts of batches, are those of the first.

    Args:
        states: one `state_dict` per network.
        weights: one per network, not all zero.

    Raises:
        UsageError: a tensor is missing in one of them, or has another shape.
    """
    first = states[0]
    for number, state in enumerate(states[1:], start=2):
        shapes = {name: tensor.shape for name, tensor in state.items()}
        differing = [
            name
            for name in dict.fromkeys((*first, *state))
            if name not in first or shapes.get(name) != first[name].shape
        ]
        if differing:
            raise UsageError(
                f"checkpoint {number} has other weights than the first: {', '.join(differing[:3])}",
                "Only checkpoints of one network can be averaged; combine others with "
                "trash submit --ensemble.",
            )
    total = sum(weights)

    def mean(name: str, tensor: Tensor) -> Tensor:
        if not tensor.is_floating_point():
            return tensor.clone()
        summed = torch.zeros(tensor.shape, dtype=torch.float64)
        for state, weight in zip(states, weights, strict=True):
            summed += state[name].double() * (weight / total)
        return summed.to(tensor.dtype)

    return {name: mean(name, tensor) for name, tensor in first.items()}


@torch.no_grad()
def estimate_batch_norm(model: nn.Module, batches: Iterable[Tensor], compute: Compute) -> int:
    """Recompute the statistics of all batch-norm layers; return how many layers there are.

    Averaged weights make other features than any of the networks, so their statistics fit none.
    Every batch counts alike. The network is left in evaluation mode.

    Args:
        model: the network, on the device.
        batches: uint8 (B, 3, H, W) training images; not read when there is no batch norm.
        compute: how images go through the network.
    """
    norms = [
        module
        for module in model.modules()
        if isinstance(module, _BatchNorm) and module.track_running_stats
    ]
    momenta = [norm.momentum for norm in norms]
    model.eval()  # dropout must not disturb what is measured
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a mean over all batches
        norm.train()
    if norms:
        for images in batches:
            with compute.autocast():
                model(compute.images(images))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()
    return len(norms)
