from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from toolkit import Component, ComponentSpec, Context, UsageError
from toolkit.plugin.registry import Entry, Registry
from toolkit.testing import examine

CONTEXT = Context(("a", "b"), epochs=2, steps_per_epoch=5)
STEPS = 6


def make(registry: Registry, name: str, parameters: object, **values: object):
    return registry.build("optimizer", ComponentSpec(name=name, **values), CONTEXT, parameters)


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


# Published rules, written out: `rule(w, g, memory, k)` returns the weight after step k = 1, 2, …


Rule = Callable[[Tensor, Tensor, dict, int], Tensor]
LR, DECAY = 0.05, 0.1


def start() -> list[Tensor]:
    """Weights that are scale-invariant by row, as a whole, not at all, and a vector."""
    generator = torch.Generator().manual_seed(3)
    shapes = [(3, 4), (3, 4), (3, 4), (3,)]
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def value(rows: Tensor, whole: Tensor, plain: Tensor, vector: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    x = torch.randn((8, 4), generator=generator, dtype=torch.float64)
    rows, whole = rows / rows.norm(dim=1, keepdim=True), whole / whole.norm()
    return ((x @ rows.T) + (x @ whole.T).sin() * 3 + x @ plain.T + vector - 1).square().mean()


def gradients(weights: list[Tensor]) -> list[Tensor]:
    leaves = [weight.detach().clone().requires_grad_() for weight in weights]
    return list(torch.autograd.grad(value(*leaves), leaves))


def follow(rule: Rule) -> tuple[list[Tensor], list[dict]]:
    weights, memories = start(), [{} for _ in start()]
    for step in range(1, STEPS + 1):
        found = gradients(weights)
        weights = [rule(*each, step) for each in zip(weights, found, memories, strict=True)]
    return weights, memories


def sgdw(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    memory["m"] = 0.9 * memory.get("m", 0.0) + g
    return w - LR * DECAY * w - LR * memory["m"]


def lion(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    m = memory.get("m", torch.zeros_like(w))
    memory["m"] = 0.99 * m + 0.01 * g
    return w - LR * ((0.9 * m + 0.1 * g).sign() + DECAY * w)


def madgrad(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    """Algorithm 1 of the paper; eps also joins the learning rate, as in the authors' code."""
    eps = 1e-6
    g = g + DECAY * w
    x0 = memory.setdefault("x0", w.clone())
    lamb = (LR + eps) * math.sqrt(k)
    memory["s"] = memory.get("s", 0.0) + lamb * g
    memory["v"] = memory.get("v", 0.0) + lamb * g * g
    z = x0 - memory["s"] / (memory["v"] ** (1 / 3) + eps)
    return 0.9 * w + 0.1 * z


def project(w: Tensor, g: Tensor, step: Tensor, memory: dict) -> tuple[Tensor, float]:
    """Return the step without its part along the weight, and the factor of the decay."""
    memory["branch"] = "none"
    if w.ndim < 2:
        return step, 1.0
    for branch, pieces in (("rows", list(range(len(w)))), ("whole", [slice(None)])):
        cosines, projected = [], step.clone()
        for piece in pieces:
            along, size = w[piece] / (w[piece].norm() + 1e-8), w[piece].numel()
            cosines.append(abs(float((along * g[piece]).sum() / g[piece].norm())))
            projected[piece] -= along * (along * step[piece]).sum()
        if max(cosines) < 0.1 / math.sqrt(size):
            memory["branch"] = branch
            return projected, 0.1
    return step, 1.0


def adam(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    """The penalty is part of the gradient (arXiv:1412.6980, algorithm 1)."""
    g = g + DECAY * w
    memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * g * g
    return w - LR * (memory["m"] / (1 - 0.9**k)) / ((memory["v"] / (1 - 0.999**k)).sqrt() + 1e-8)


def adamp(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * g
    memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * g * g
    step = (memory["m"] / (1 - 0.9**k)) / ((memory["v"] / (1 - 0.999**k)).sqrt() + 1e-8)
    step, ratio = project(w, g, step, memory)
    return w - LR * DECAY * ratio * w - LR * step


def sgdp(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    """The decay grows by 1 / (1 − momentum), as an L2 penalty in the gradient would."""
    memory["m"] = 0.9 * memory.get("m", 0.0) + g
    step, ratio = project(w, g, memory["m"], memory)
    return w - LR * DECAY * ratio / (1 - 0.9) * w - LR * step


def schedule_free(w: Tensor, step: Tensor, memory: dict, k: int) -> Tensor:
    """The weight is y = 0.1 z + 0.9 x of a sequence z and its average x (arXiv:2405.15682)."""
    x, z = memory.setdefault("x", w.clone()), memory.setdefault("z", w.clone())
    lr = LR * min(1, k / 4)  # 40 % of the run's ten steps are warm-up
    share = lr**2 / sum((LR * min(1, step / 4)) ** 2 for step in range(1, k + 1))
    memory["z"] = z - lr * (step + DECAY * w)
    memory["x"] = (1 - share) * x + share * memory["z"]
    return 0.1 * memory["z"] + 0.9 * memory["x"]


def schedule_free_sgd(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    return schedule_free(w, g, memory, k)


def schedule_free_adamw(w: Tensor, g: Tensor, memory: dict, k: int) -> Tensor:
    """Without momentum of its own: the average takes its place."""
    memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * g * g
    return schedule_free(w, g / ((memory["v"] / (1 - 0.999**k)).sqrt() + 1e-8), memory, k)


def optimise(registry: Registry, name: str, **values: object) -> tuple[list[Tensor], object]:
    weights = [torch.nn.Parameter(weight) for weight in start()]
    optimizer = make(registry, name, weights, **{"lr": LR, "weight_decay": DECAY, **values})
    getattr(optimizer, "train", list)()
    for _ in range(STEPS):
        optimizer.zero_grad()
        value(*weights).backward()
        optimizer.step()
    return weights, optimizer


@pytest.mark.parametrize("rule", [sgdw, lion, madgrad, adam, adamp, sgdp])
def test_steps_follow_the_published_rule(rule: Rule, registry: Registry) -> None:
    found, _ = optimise(registry, rule.__name__)
    expected, _ = follow(rule)
    for weight, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(weight.detach(), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rule", [adamp, sgdp])
def test_the_rules_of_scale_invariant_weights_are_all_tried(rule: Rule) -> None:
    _, memories = follow(rule)
    assert [memory["branch"] for memory in memories] == ["rows", "whole", "none", "none"]


@pytest.mark.parametrize("rule", [schedule_free_sgd, schedule_free_adamw])
def test_schedule_free_trains_at_one_point_and_saves_the_average(
    rule: Rule, registry: Registry
) -> None:
    found, optimizer = optimise(registry, rule.__name__, warmup=0.4)
    expected, memories = follow(rule)
    for weight, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(weight.detach(), wanted, rtol=1e-9, atol=1e-9)
    optimizer.eval()
    for weight, memory in zip(found, memories, strict=True):
        torch.testing.assert_close(weight.detach(), memory["x"], rtol=1e-9, atol=1e-9)


def test_madgrad_stands_still_at_a_learning_rate_of_0(registry: Registry) -> None:
    """Its eps counts as learning rate otherwise."""
    still, moving = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
    optimizer = make(registry, "madgrad", [{"params": [still], "lr": 0.0}, {"params": [moving]}])
    for _ in range(5):
        optimizer.zero_grad()
        (still.square().sum() + moving.square().sum()).backward()
        optimizer.step()
    assert torch.equal(still.detach(), torch.ones(3))
    assert not torch.equal(moving.detach(), torch.ones(3))


TEAM = {
    "adamw": {"lr": 1e-4, "weight_decay": 1e-6, "betas": (0.9, 0.999)},
    "adam": {"lr": 1e-4, "weight_decay": 1e-6, "betas": (0.9, 0.999)},
    "madgrad": {"lr": 5e-4, "weight_decay": 1e-6, "momentum": 0.9},
    "adamp": {"lr": 1e-4, "weight_decay": 0.0, "betas": (0.9, 0.999)},
    "sgdp": {"lr": 1e-5, "weight_decay": 0.0, "momentum": 0.9},
    "sgdw": {"lr": 1e-4, "weight_decay": 1e-6, "momentum": 0.9},
}


@pytest.mark.parametrize("name", TEAM)
def test_defaults_are_the_winners(name: str, registry: Registry) -> None:
    optimizer = make(registry, name, [torch.nn.Parameter(torch.zeros(1))])
    assert {key: optimizer.defaults[key] for key in TEAM[name]} == TEAM[name]


@pytest.mark.parametrize("name", ["sgd", "sgdw", "sgdp"])
def test_nesterov_needs_momentum(name: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match="momentum") as caught:
        make(registry, name, [torch.nn.Parameter(torch.zeros(1))], nesterov=True, momentum=0.0)
    assert caught.value.parameter == "nesterov"


@pytest.mark.parametrize("lr", [0.0, -1.0, "fast"])
def test_a_wrong_learning_rate_is_refused(lr: object, registry: Registry) -> None:
    with pytest.raises(UsageError, match="lr"):
        make(registry, "adamw", [torch.nn.Parameter(torch.zeros(1))], lr=lr)


# The contract.


class OneWay(torch.optim.SGD):
    """Can be switched to training only."""

    def train(self) -> None:
        pass


class Forgetful(torch.optim.SGD):
    """Trains, and saves the weights that it started from."""

    def train(self) -> None:
        self.first = [p.detach().clone() for group in self.param_groups for p in group["params"]]

    @torch.no_grad()
    def eval(self) -> None:
        parameters = [p for group in self.param_groups for p in group["params"]]
        for parameter, first in zip(parameters, self.first, strict=True):
            parameter.copy_(first)


@pytest.mark.parametrize(
    ("broken", "rule"), [(OneWay, "Is a torch.optim.Optimizer"), (Forgetful, "Lowers a quadratic")]
)
def test_the_contract_finds_what_does_not_switch_back(broken: type, rule: str) -> None:
    component = Component("broken", lambda context, parameters: broken(parameters, lr=0.01), "-")
    report = examine("optimizer", "broken", Registry([Entry("optimizer", component, "test")]))
    assert rule in [finding.rule for finding in report.findings]
