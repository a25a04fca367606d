"""template_name: a small network of dilated convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from toolkit import Component, Context, hookimpl

if TYPE_CHECKING:
    from torch import nn

Width = Annotated[int, Field(ge=4, le=512)]
Depth = Annotated[int, Field(ge=1, le=8)]


def make(context: Context, *, width: Width = 32, depth: Depth = 4) -> nn.Module:
    """Make a network that keeps the resolution and doubles its reach with every layer.

    Args:
        width: channels of every layer.
        depth: number of layers.
    """
    # Imported here, so that `trash plugin list` stays quick.
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for reach in (2**layer for layer in range(depth)):
        layers += [
            nn.Conv2d(channels, width, 3, padding=reach, dilation=reach, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, context.n_classes, 1))


@hookimpl
def trash_models() -> list[Component]:
    """Offer the network under the name that recipes use."""
    return [Component("template_name", make, "small dilated network")]
