"""Shapes without values: the same shapes, the same gradients that exist, the same refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.shapes_only import ShapesOnly


class Mixed(nn.Module):
    """Every shortened operation, an addition in place, and a layer that nothing depends on."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.plain_norm = nn.BatchNorm2d(4, affine=False)
        self.idle = nn.Linear(2, 2)
        self.last = nn.Conv2d(4, 5, 1)
        nn.init.trunc_normal_(self.last.weight)
        nn.init.orthogonal_(self.first.weight)

    def forward(self, images: Tensor) -> Tensor:
        features = self.plain_norm(functional.relu(self.norm(self.first(images))))
        total = torch.zeros_like(features)
        total.add_(features).mul_(2.0)  # a tensor without a gradient receives one
        larger = functional.interpolate(total, scale_factor=1.5, mode="bilinear")
        logits: Tensor = functional.interpolate(self.last(larger), (9, 7), mode="bicubic")
        return logits


def _tried(make: Callable[[], nn.Module]) -> tuple[torch.Size, list[str]]:
    """Return the shape of the output and the parameters that it depends on."""
    network = make().train()
    device = next(network.parameters()).device
    output = network(torch.zeros(2, 3, 8, 6, device=device))
    output.sum().backward()
    return output.shape, [
        name for name, each in network.named_parameters() if each.grad is not None
    ]


def test_shapes_and_dependencies_are_those_of_a_network_with_values() -> None:
    with torch.device("meta"), ShapesOnly():
        without_values = _tried(Mixed)
    assert without_values == _tried(Mixed)
    assert without_values[0] == (2, 5, 9, 7)
    assert "idle.weight" not in without_values[1]


def test_tensors_with_values_are_treated_as_ever() -> None:
    torch.manual_seed(0)
    expected = Mixed()
    torch.manual_seed(0)
    with ShapesOnly():
        network = Mixed()
        images = torch.rand(2, 3, 8, 6)
        output = network(images)
    torch.testing.assert_close(output, expected(images), rtol=0, atol=0)
    torch.testing.assert_close(network.norm.running_mean, expected.norm.running_mean)


def test_one_value_per_channel_is_refused_in_training_alone() -> None:
    with torch.device("meta"), ShapesOnly():
        norm = nn.BatchNorm2d(4)
        pooled = torch.zeros(1, 4, 1, 1)
        assert norm.eval()(pooled).shape == pooled.shape
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            norm.train()(pooled)
