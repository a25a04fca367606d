"""Convolutions with what follows them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


def relu() -> nn.Module:
    """Return a ReLU that works in place."""
    return nn.ReLU(inplace=True)


def conv_norm(
    n_in: int,
    n_out: int,
    kernel: int = 1,
    *,
    groups: int = 1,
    dilation: int = 1,
    bias: bool = False,
    activation: Callable[[], nn.Module] = relu,
) -> nn.Sequential:
    """Make a convolution that keeps height and width, batch normalisation and an activation.

    Args:
        n_in: channels of the input.
        n_out: channels of the output.
        kernel: odd height and width of the convolution.
        groups: groups of channels; `n_in` makes it depthwise.
        dilation: spacing of the kernel's cells.
        bias: of the convolution; the normalisation takes it away again, but published networks
            have it.
        activation: makes the activation.
    """
    convolution = nn.Conv2d(
        n_in,
        n_out,
        kernel,
        padding=kernel // 2 * dilation,
        dilation=dilation,
        groups=groups,
        bias=bias,
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), activation())
