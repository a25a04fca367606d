"""Building a network for photos of any number of channels."""

from __future__ import annotations

from timm.models import adapt_input_conv
from torch import nn

from toolkit.plugin.component import N_RGB, ComponentSpec
from toolkit.plugin.interfaces import Context
from toolkit.plugin.registry import Registry


def build_network(registry: Registry, spec: ComponentSpec, context: Context) -> nn.Module:
    """Return the network that `spec` names, which takes photos of `context.channels`.

    One that was built for RGB is adapted, see `adapt_to_channels`. RGB photos change nothing.

    Raises:
        TrashError: as `Registry.build`.
    """
    network: nn.Module = registry.build("model", spec, context)
    adapt_to_channels(network, context.channels)
    return network


def adapt_to_channels(network: nn.Module, channels: int) -> None:
    """Give the first convolution of an RGB network as many input channels as the photos have.

    It is the first `Conv2d` in the order of the modules that takes 3 channels; a network whose very
    first one takes `channels` already is left alone, and so is one without such a convolution: it
    refuses the photos when it is tried. For one channel its weights are summed over RGB; for others
    they are repeated in the order R, G, B, R, … and multiplied by 3 / channels, so that photos of
    equal brightness have the same features (`adapt_input_conv` of timm). All else stays.

    Args:
        network: changed in place; also one on the meta device.
        channels: of the photos.
    """
    convolutions = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
    if channels == N_RGB or not convolutions or convolutions[0].in_channels == channels:
        return
    first = next((each for each in convolutions if each.in_channels == N_RGB), None)
    if first is None or first.groups != 1 or "weight" not in dict(first.named_parameters()):
        return
    weights = adapt_input_conv(channels, first.weight.detach())
    first.weight = nn.Parameter(
        weights.to(first.weight.dtype), requires_grad=first.weight.requires_grad
    )
    first.in_channels = channels
