"""Networks on the meta device, which has shapes but no values: without the work for values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional, init
from torch.overrides import TorchFunctionMode

_INITS: tuple[Callable[..., Any], ...] = (
    init.constant_,
    init.kaiming_uniform_,
    init.normal_,
    init.uniform_,
)
# What other initialisations do to a parameter, step by step; none of it changes a shape.
_FILLS: tuple[Callable[..., Any], ...] = tuple(
    getattr(Tensor, f"{name}_")
    for name in ("normal", "uniform", "fill", "zero", "mul", "add", "erfinv", "clamp")
)


class ShapesOnly(TorchFunctionMode):
    """A context where meta tensors are not filled, and are normalised or enlarged in one step.

    Torch works out the shape of these operations in Python, step by step: more than half of the
    time in which a network is made and tried without values. Use it as

        with torch.device("meta"), ShapesOnly():
            network = build()
            shape = network(torch.zeros(1, 3, 512, 512)).shape

    Tensors that have values are treated as without it. Gradients reach what they would reach.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call `func`, or return a tensor of the shape that it would return."""
        kwargs = kwargs or {}
        first = args[0] if args else kwargs.get("tensor")
        if isinstance(first, Tensor) and first.is_meta:
            if func in _INITS or (func in _FILLS and not torch.is_grad_enabled()):
                return first
            if func is functional.batch_norm:
                return _batch_norm(*args, **kwargs)
            if func is functional.interpolate and kwargs.get("mode") in ("bilinear", "bicubic"):
                # The nearest value has the same shape and needs no sums of neighbours.
                kwargs = {**kwargs, "mode": "nearest", "align_corners": None, "antialias": False}
        return func(*args, **kwargs)


class _Normalised(torch.autograd.Function):
    """A tensor of the input's shape that depends on the input and on the scale and the shift."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, scale: Tensor | None, shift: Tensor | None) -> Tensor:
        ctx.parameters = scale, shift
        return torch.empty_like(images)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale, shift = (each if each is None else torch.empty_like(each) for each in ctx.parameters)
        return gradients[0], scale, shift


def _batch_norm(
    images: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return what `torch.nn.functional.batch_norm` returns, without its values.

    Raises:
        ValueError: one value per channel in training, as torch says it.
    """
    if training and images.numel() == images.shape[1]:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {images.size()}"
        )
    normalised: Tensor = _Normalised.apply(images, weight, bias)
    return normalised
