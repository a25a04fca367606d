from __future__ import annotations

import copy
import io
from typing import Any

import pytest
import torch
from torch import nn

from toolkit import Component, ComponentSpec, Context, UsageError
from toolkit.plugin.discovery import load_registry
from toolkit.plugin.registry import Entry, Registry
from toolkit.train.parameter_groups import make_optimizer, parameter_groups

CONTEXT = Context(("a", "b"), epochs=2, steps_per_epoch=10, pretrained=False)
BUILT_IN = [entry.name for entry in load_registry(None).entries("optimizer")]


class Net(nn.Module):
    """The head is registered before the encoder, one encoder weight is frozen."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(4, 2)
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1))
        self.encoder[2].weight.requires_grad_(False)
        self.decoder = nn.Sequential(nn.Conv2d(4, 4, 1, bias=False), nn.BatchNorm2d(4))


def names(model: nn.Module, **parameters: Any) -> list[tuple[list[str], float, bool]]:
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    return [
        ([name_of[id(parameter)] for parameter in group.parameters], group.lr_factor, group.decays)
        for group in parameter_groups(model, **parameters)
    ]


HEAD, NORM = ["head.weight", "decoder.0.weight"], ["decoder.1.weight", "decoder.1.bias"]
ENCODER_NORM = ["encoder.0.bias", "encoder.1.weight", "encoder.1.bias", "encoder.2.bias"]


def test_the_plain_case_is_one_group_in_the_models_order() -> None:
    trainable = [name for name, p in Net().named_parameters() if p.requires_grad]
    assert names(Net(), encoder_lr_factor=1.0, decay_norms=True) == [(trainable, 1.0, True)]
    assert trainable[0] == "head.weight"


def test_groups_have_a_fixed_order_and_leave_frozen_parameters_out() -> None:
    assert names(Net(), encoder_lr_factor=0.1, decay_norms=False) == [
        (HEAD, 1.0, True),
        (["head.bias", *NORM], 1.0, False),
        (["encoder.0.weight"], 0.1, True),
        (ENCODER_NORM, 0.1, False),
    ]


def test_each_division_can_be_had_alone() -> None:
    assert names(Net(), encoder_lr_factor=0.0, decay_norms=True) == [
        (["head.weight", "head.bias", "decoder.0.weight", *NORM], 1.0, True),
        (["encoder.0.weight", *ENCODER_NORM], 0.0, True),
    ]
    found = names(Net(), encoder_lr_factor=1.0, decay_norms=False)
    assert [(factor, decays) for _, factor, decays in found] == [(1.0, True), (1.0, False)]


def test_empty_groups_are_left_out() -> None:
    model = Net()
    for parameter in model.encoder.parameters():
        parameter.requires_grad_(parameter.ndim > 1)
    found = names(model, encoder_lr_factor=0.1, decay_norms=False)
    assert [(factor, decays) for _, factor, decays in found] == [
        (1.0, True),
        (1.0, False),
        (0.1, True),
    ]


@pytest.mark.parametrize("encoder", [None, "resnet34"])
def test_a_model_without_an_encoder_is_refused(encoder: object) -> None:
    model = nn.Conv2d(3, 2, 1)
    if encoder:
        model.encoder = encoder
    with pytest.raises(UsageError, match="model fcn8s has no encoder of its own") as caught:
        parameter_groups(model, encoder_lr_factor=0.5, decay_norms=True, model_name="fcn8s")
    assert caught.value.parameter == "encoder_lr_factor"
    assert len(parameter_groups(model, encoder_lr_factor=1.0, decay_norms=False)) == 2


def test_the_built_in_unet_shows_its_encoder(registry: Registry) -> None:
    with torch.device("meta"):
        model = registry.build("model", ComponentSpec(name="unet"), CONTEXT)
    factors = [
        group.lr_factor
        for group in parameter_groups(model, encoder_lr_factor=0.1, decay_norms=False)
    ]
    assert factors == [1.0, 1.0, 0.1, 0.1]


# Optimisers.


def steps(optimizer: Any, parameters: list[nn.Parameter], count: int) -> None:
    """Step on gradients that depend on each parameter alone, then switch to what is saved."""
    getattr(optimizer, "train", list)()
    for number in range(count):
        for parameter in parameters:
            weights = torch.linspace(-1, 2, parameter.numel()).reshape(parameter.shape)
            parameter.grad = (parameter.detach() - weights) * (1 + number % 3)
        optimizer.step()
    getattr(optimizer, "eval", list)()


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_optimiser_trains_a_group_as_if_it_were_alone(name: str, registry: Registry) -> None:
    """The encoder at a tenth of the rate; norms and biases without decay."""
    model, lr, decay = Net(), 0.02, 0.3
    alone = copy.deepcopy(model)
    spec = ComponentSpec(
        name=name, lr=lr, weight_decay=decay, encoder_lr_factor=0.1, decay_norms=False
    )
    optimizer = make_optimizer(spec, registry, CONTEXT, model)
    assert len(optimizer.param_groups) == 4
    steps(optimizer, [p for p in model.parameters() if p.requires_grad], 5)
    for group in parameter_groups(alone, encoder_lr_factor=0.1, decay_norms=False):
        table = {"lr": lr * group.lr_factor, "weight_decay": decay if group.decays else 0.0}
        single = registry.build(
            "optimizer", ComponentSpec(name=name, **table), CONTEXT, group.parameters
        )
        steps(single, list(group.parameters), 5)
    for (key, found), expected in zip(model.named_parameters(), alone.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7, msg=key)
        assert torch.equal(found, dict(Net().named_parameters())[key]) == (not found.requires_grad)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_factor_of_0_leaves_the_encoder_as_it_is(name: str, registry: Registry) -> None:
    model, before = Net(), Net()
    spec = ComponentSpec(name=name, lr=0.02, weight_decay=0.3, encoder_lr_factor=0.0)
    optimizer = make_optimizer(spec, registry, CONTEXT, model)
    schedule = ComponentSpec(name="cosine", warmup=0.2, min_lr=1e-3)
    scheduler = registry.build("scheduler", schedule, CONTEXT, optimizer)
    trainable = [p for p in model.parameters() if p.requires_grad]
    for _ in range(20):
        steps(optimizer, trainable, 1)
        scheduler.step()
    assert all(map(torch.equal, model.encoder.parameters(), before.encoder.parameters()))
    assert not torch.equal(model.head.weight, before.head.weight)


@pytest.mark.parametrize("name", BUILT_IN)
def test_groups_continue_exactly_from_a_saved_state(name: str, registry: Registry) -> None:
    model = Net()
    spec = ComponentSpec(name=name, encoder_lr_factor=0.1, decay_norms=False)
    optimizer = make_optimizer(spec, registry, CONTEXT, model)
    steps(optimizer, [p for p in model.parameters() if p.requires_grad], 3)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    resumed = copy.deepcopy(model)
    again = make_optimizer(spec, registry, CONTEXT, resumed)
    again.load_state_dict(torch.load(file, weights_only=True))
    for net, stepped in ((model, optimizer), (resumed, again)):
        steps(stepped, [p for p in net.parameters() if p.requires_grad], 3)
    assert all(map(torch.equal, model.parameters(), resumed.parameters()))


def test_the_plain_case_leaves_the_parameters_to_the_optimiser(registry: Registry) -> None:
    """An optimiser may sort them itself; the state is that of a single group."""
    model, given = Net(), []

    def sorting(context: Context, parameters: Any, *, lr: float = 0.1) -> Any:
        given.extend(parameters)
        return torch.optim.SGD([{"params": [p]} for p in given], lr=lr)

    plugin = Registry([Entry("optimizer", Component("sorting", sorting, ""), "test")])
    optimizer = make_optimizer(ComponentSpec(name="sorting"), plugin, CONTEXT, model)
    assert [id(p) for p in given] == [id(p) for p in model.parameters() if p.requires_grad]
    assert len(optimizer.param_groups) == len(given)
    adamw = make_optimizer(ComponentSpec(name="adamw", lr=0.25), registry, CONTEXT, model)
    assert [group["lr"] for group in adamw.param_groups] == [0.25]


def test_an_optimiser_that_groups_for_itself_cannot_be_given_groups() -> None:
    def flat(context: Context, parameters: Any) -> Any:
        return torch.optim.SGD([p for group in parameters for p in group["params"]], lr=0.1)

    plugin = Registry([Entry("optimizer", Component("flat", flat, ""), "test")])
    spec = ComponentSpec(name="flat", encoder_lr_factor=0.1)
    with pytest.raises(UsageError, match="optimizer flat makes parameter groups of its own"):
        make_optimizer(spec, plugin, CONTEXT, Net())


def test_norms_cannot_be_left_out_of_a_decay_that_is_not_there() -> None:
    def rprop(context: Context, parameters: Any) -> Any:
        return torch.optim.Rprop(parameters)

    plugin = Registry([Entry("optimizer", Component("rprop", rprop, ""), "test")])
    spec = ComponentSpec(name="rprop", decay_norms=False)
    with pytest.raises(UsageError, match="optimizer rprop has no weight decay") as caught:
        make_optimizer(spec, plugin, CONTEXT, Net())
    assert caught.value.parameter == "decay_norms"


@pytest.mark.parametrize("value", [-0.1, "small", True])
def test_a_factor_that_is_no_share_is_refused(value: object, registry: Registry) -> None:
    spec = ComponentSpec(name="adamw", encoder_lr_factor=value)
    with pytest.raises(UsageError, match="encoder_lr_factor"):
        make_optimizer(spec, registry, CONTEXT, Net())
