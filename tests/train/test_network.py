"""Networks take photos of any number of channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from tests.testing.contract_pieces import registry_with
from toolkit.plugin.component import ComponentSpec
from toolkit.plugin.discovery import load_registry
from toolkit.testing.contract import CONTEXT
from toolkit.testing.examples import example_parameters
from toolkit.train.network import adapt_to_channels, build_network
from toolkit.train.outputs import main_output

REGISTRY = load_registry(None)
NETWORKS = [entry.name for entry in REGISTRY.entries("model")]


@pytest.mark.parametrize("channels", [1, 4, 7])
def test_the_first_convolution_takes_what_photos_have(channels: int) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3, bias=True), nn.ReLU(), nn.Conv2d(8, 3, 1))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    adapt_to_channels(network, channels)
    old, new = before.pop("0.weight"), network.state_dict()["0.weight"]
    assert new.shape == (8, channels, 3, 3)
    for own in range(channels):  # weight by weight
        expected = old.sum(dim=1) if channels == 1 else old[:, own % 3] * 3 / channels
        torch.testing.assert_close(new[:, own], expected)
    for name, tensor in before.items():
        assert torch.equal(network.state_dict()[name], tensor)
    logits = network(torch.zeros(1, channels, 9, 9))
    assert logits.shape == (1, 3, 7, 7)
    logits.sum().backward()
    assert network[0].weight.grad is not None


@pytest.mark.parametrize("channels", [1, 6])
def test_grey_photos_have_the_features_of_grey_rgb(channels: int) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3))
    grey = torch.rand(2, 1, 9, 9)
    before = network(grey.expand(-1, 3, -1, -1))
    adapt_to_channels(network, channels)
    torch.testing.assert_close(network(grey.expand(-1, channels, -1, -1)), before)


def test_rgb_changes_nothing() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3))
    weight = network[0].weight
    adapt_to_channels(network, 3)
    assert network[0].weight is weight


def test_a_network_that_was_built_for_the_channels_is_left_alone() -> None:
    def own(context: Any) -> nn.Module:
        squeezed = nn.Conv2d(3, context.n_classes, 1)
        return nn.Sequential(nn.Conv2d(context.channels, 3, 1), squeezed)

    registry = registry_with("model", own)
    context = replace(CONTEXT, channels=5)
    network = build_network(registry, ComponentSpec(name="broken"), context)
    assert [layer.in_channels for layer in network.children()] == [5, 3]


def _without_convolution(context: Any) -> nn.Module:
    return nn.Linear(3, context.n_classes)


def _of_groups(context: Any) -> nn.Module:
    return nn.Conv2d(3, 3, 1, groups=3)


@pytest.mark.parametrize("factory", [_without_convolution, _of_groups])
def test_what_cannot_be_adapted_stays_as_it_is(factory: Callable[[Any], nn.Module]) -> None:
    network = factory(CONTEXT)
    before = [tensor.shape for tensor in network.parameters()]
    adapt_to_channels(network, 4)
    assert [tensor.shape for tensor in network.parameters()] == before


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_takes_four_channels(name: str) -> None:
    parameters, _ = example_parameters(REGISTRY.find("model", name), REGISTRY, {})
    if name.startswith("hrnet_ocr"):  # the same layers, narrower: the wide ones are slow
        parameters |= {"width": 18, "ocr_channels": 64, "key_channels": 32}
    context = replace(CONTEXT, image_size=(64, 64), channels=4)
    network = build_network(REGISTRY, ComponentSpec(name=name, **parameters), context).eval()
    images = torch.rand(1, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = main_output(network(images))
        images[:, 3] = 1 - images[:, 3]
        other = main_output(network(images))
    assert logits.shape == (1, 4, 64, 64)
    assert not torch.equal(logits, other)  # it looks at the fourth
    first = next(each for each in network.modules() if isinstance(each, nn.Conv2d))
    assert first.in_channels == 4
