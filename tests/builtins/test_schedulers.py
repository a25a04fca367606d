from __future__ import annotations

import math

import pytest
import torch

from toolkit import ComponentSpec, Context, UsageError
from toolkit.plugin.registry import Registry


def rates(
    registry: Registry, name: str, /, *, lr: float, steps: int, **parameters: object
) -> list[float]:
    """Learning rate of every step of a run."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    context = Context(("a", "b"), epochs=1, steps_per_epoch=steps)
    spec = ComponentSpec(name=name, **parameters)
    scheduler = registry.build("scheduler", spec, context, optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def warmup_restarts(
    steps: int, first: int, warm: int, top: float, low: float, mult: float, gamma: float
) -> list[float]:
    """The winners' schedule (facts §6), as a state that is carried from step to step."""
    found, inside, length, peak = [], 0, first, top
    for _ in range(steps):
        if inside < warm:
            found.append(low + (peak - low) * inside / warm)
        else:
            progress = (inside - warm) / (length - warm)
            found.append(low + (peak - low) * (1 + math.cos(math.pi * progress)) / 2)
        inside += 1
        if inside >= length:
            inside, peak = 0, peak * gamma
            length = int((length - warm) * mult) + warm
    return found


def test_restarts_follow_the_winning_run_step_by_step(registry: Registry) -> None:
    """2617 images, batch 16, 50 epochs: cycles of 2733 steps, 683 of them warm-up."""
    steps = math.ceil(2617 / 16) * 50
    found = rates(registry, "cosine_restarts", lr=1e-4, steps=steps)
    assert found[0] == pytest.approx(1e-5)
    for cycle, peak in enumerate((1e-4, 5e-5, 2.5e-5)):
        inside = found[cycle * 2733 : (cycle + 1) * 2733]
        assert max(inside) == pytest.approx(peak)
        assert inside.index(max(inside)) == 683
        assert inside[0] == pytest.approx(1e-5)
    expected = warmup_restarts(steps, 2733, 683, 1e-4, 1e-5, 1.0, 0.5)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("mult", "gamma", "warmup"), [(2.0, 1.0, 0.1), (0.5, 0.7, 0.0)])
def test_cycles_of_changing_length_fill_the_run(
    mult: float, gamma: float, warmup: float, registry: Registry
) -> None:
    steps = 1000
    found = rates(
        registry, "cosine_restarts", lr=1.0, steps=steps, cycles=3, mult=mult, gamma=gamma,
        warmup=warmup, min_lr=0.01,
    )  # fmt: skip
    first = int(steps / sum((1 - warmup) * mult**k + warmup for k in range(3)))
    expected = warmup_restarts(steps, first, int(first * warmup), 1.0, 0.01, mult, gamma)
    # Whole steps leave a few over at the end, which stay at the lowest rate.
    assert found[:-5] == pytest.approx(expected[:-5], rel=1e-9)
    assert max(found[-5:]) < 0.011


def test_cosine_rises_and_falls_once(registry: Registry) -> None:
    found = rates(registry, "cosine", lr=1.0, steps=100, warmup=0.2, min_lr=0.1)
    assert found[0] == pytest.approx(0.1)
    assert found[20] == pytest.approx(1.0)
    assert found[60] == pytest.approx(0.55)
    assert found[-1] == pytest.approx(0.1, abs=1e-3)
    assert found[:21] == sorted(found[:21])
    assert found[20:] == sorted(found[20:], reverse=True)


def test_constant_stays_after_its_warmup(registry: Registry) -> None:
    assert rates(registry, "constant", lr=0.3, steps=5) == [0.3] * 5
    found = rates(registry, "constant", lr=0.3, steps=10, warmup=0.5)
    assert found[:5] == pytest.approx([0.0, 0.06, 0.12, 0.18, 0.24])
    assert found[5:] == [0.3] * 5


def test_poly_follows_its_formula(registry: Registry) -> None:
    found = rates(registry, "poly", lr=0.5, steps=40, power=0.9)
    assert found == pytest.approx([0.5 * (1 - step / 40) ** 0.9 for step in range(40)])


def test_groups_keep_their_own_peaks(registry: Registry) -> None:
    groups = [
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 1e-3},
        {"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 1e-4},
    ]
    optimizer = torch.optim.SGD(groups, lr=1.0)
    context = Context(("a", "b"), epochs=1, steps_per_epoch=10)
    spec = ComponentSpec(name="cosine", warmup=0.5, min_lr=1e-5)
    scheduler = registry.build("scheduler", spec, context, optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-5, 1e-5])
    for _ in range(5):
        optimizer.step()
        scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([1e-3, 1e-4])


@pytest.mark.parametrize("name", ["cosine", "cosine_restarts", "poly"])
def test_a_lowest_rate_above_the_peak_is_refused(name: str, registry: Registry) -> None:
    with pytest.raises(UsageError, match=r"min_lr = 0\.1 is above"):
        rates(registry, name, lr=0.01, steps=10, min_lr=0.1)
