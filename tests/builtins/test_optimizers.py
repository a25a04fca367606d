from __future__ import annotations

import pytest
import torch

from toolkit import ComponentSpec, Context, UsageError
from toolkit.plugin.registry import Registry


def make(registry: Registry, name: str, parameters: list[torch.nn.Parameter], **values: object):
    spec = ComponentSpec(name=name, **values)
    return registry.build("optimizer", spec, Context(("a", "b")), parameters)


def test_adamw_takes_one_step_as_its_formula_says(registry: Registry) -> None:
    """First step: lr × gradient / |gradient| after the decay lr × weight_decay × w."""
    weight = torch.nn.Parameter(torch.tensor([2.0, -4.0]))
    optimizer = make(registry, "adamw", [weight], lr=0.1, weight_decay=0.5)
    (weight * torch.tensor([3.0, -0.2])).sum().backward()
    optimizer.step()
    expected = torch.tensor([2.0 * 0.95 - 0.1, -4.0 * 0.95 + 0.1])
    torch.testing.assert_close(weight.detach(), expected, rtol=1e-5, atol=1e-5)


def test_sgd_keeps_momentum(registry: Registry) -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = make(registry, "sgd", [weight], lr=0.1, momentum=0.5, weight_decay=0.0)
    for _ in range(2):
        optimizer.zero_grad()
        (2 * weight).sum().backward()
        optimizer.step()
    # Steps of 0.1 × 2 and 0.1 × (0.5 × 2 + 2).
    assert weight.item() == pytest.approx(1 - 0.2 - 0.3)


def test_defaults_are_the_winners(registry: Registry) -> None:
    optimizer = make(registry, "adamw", [torch.nn.Parameter(torch.zeros(1))])
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (1e-4, 1e-6)


def test_nesterov_needs_momentum(registry: Registry) -> None:
    with pytest.raises(UsageError, match="momentum"):
        make(registry, "sgd", [torch.nn.Parameter(torch.zeros(1))], nesterov=True, momentum=0.0)


@pytest.mark.parametrize("lr", [0.0, -1.0, "fast"])
def test_a_wrong_learning_rate_is_refused(lr: object, registry: Registry) -> None:
    with pytest.raises(UsageError, match="lr"):
        make(registry, "adamw", [torch.nn.Parameter(torch.zeros(1))], lr=lr)
