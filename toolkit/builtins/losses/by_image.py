"""A sum over images whose gradient is computed image by image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

CostOfImage = Callable[[int, Tensor], Tensor]
"""Index of an image and its probabilities (1, C, H, W) -> what it adds to the loss."""


def sum_over_images(probabilities: Tensor, cost: CostOfImage) -> Tensor:
    """Return Σ cost(index, image) over the images of (B, C, H, W).

    SSIM keeps some twenty maps per class until backward. Here they live for one image at a time,
    and one gradient is kept: less memory, and several times faster on a CPU, whose caches and
    allocator suffer from large maps.
    """
    value: Tensor = _SumOverImages.apply(probabilities, cost)
    return value


class _SumOverImages(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, probabilities: Tensor, cost: CostOfImage) -> Tensor:
        needed = ctx.needs_input_grad[0]
        gradient = torch.empty_like(probabilities) if needed else None
        total = probabilities.new_zeros(())
        for index in range(len(probabilities)):
            image = probabilities[index : index + 1].detach()
            if gradient is None:
                total += cost(index, image)
                continue
            image.requires_grad_()
            with torch.enable_grad():
                value = cost(index, image)
            total += value.detach()
            gradient[index : index + 1] = torch.autograd.grad(value, image)[0]
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0], None
